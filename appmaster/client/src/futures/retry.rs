//! Futures that have failed, once more: with those of their inputs that have failed, in the order in which they are read.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::future::Future;
use super::queue::{Spec, Wish};
use super::slot::{Claim, Ended, Fate, Slot};

/// Why a future cannot be retried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RetryError {
    /// It runs, or has a result.
    #[error("{0} has not failed: only a future that has can be retried")]
    NotFailed(String),
    /// The application ended.
    #[error("{task}: the application is gone: {why}")]
    Gone {
        /// The function and the beginning of the future's key.
        task: String,
        /// Why.
        why: String,
    },
    /// Nobody here knows the call.
    #[error("{0} was submitted by somebody else, or had a result before: submit the call again")]
    Unknown(String),
    /// What it reads had a result, and nobody holds that any more.
    #[error("{task} reads the result of {input}, whose future was dropped: submit both calls again")]
    Dropped {
        /// The function and the beginning of the future's key.
        task: String,
        /// Those of what it reads.
        input: String,
    },
}

impl<T> Future<T> {
    /// Has its call made again, if it has failed or was cancelled; before it those of its inputs that have failed, whether
    /// anybody holds them or not. It is pending again, for all its clones, with all failures and attempts that its options forgive.
    /// Others that failed because of it stay as they are, until they are retried in turn. Does not wait.
    ///
    /// # Errors
    /// When it has not failed, when what it reads had a result and is held by nobody any more, or when its call is not known: of a
    /// dataset's futures, and of one that was lost after it had a result. Then nothing is done.
    pub fn retry(&self) -> Result<(), RetryError> {
        retry(self.claim())
    }
}

/// One after the other: two that read the same failed future run it once, and both hold it.
static TURN: Mutex<()> = Mutex::new(());

fn retry(claim: &Arc<Claim>) -> Result<(), RetryError> {
    // It protects nothing that could be half done.
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut wishes = Vec::new();
    let mut seen = BTreeSet::from([place(&claim.slot)]);
    // Each with what it reads and how many of these were looked at.
    let mut open = vec![Looked::at(Arc::clone(claim))?];
    while let Some(top) = open.last_mut() {
        let Some(input) = top.spec.recipe.inputs.get(top.spec.inputs.len()).cloned() else {
            wishes.extend(open.pop());
            continue;
        };
        let (held, is_made) = match (input.holder(), input.fate()) {
            (Some(held), fate) => (held, matches!(fate, Fate::Failed(_))),
            (None, Fate::Ready(..)) => {
                return Err(RetryError::Dropped { task: top.claim.slot.name(), input: input.name() });
            }
            // What nobody held when it ended nobody heard of: it may have failed.
            (None, Fate::Failed(_) | Fate::Open) => {
                (Claim::of(Arc::clone(&input), false, (&claim.wishes, &claim.driver)), true)
            }
        };
        top.spec.inputs.push(Arc::clone(&held));
        if is_made && seen.insert(place(&input)) {
            open.push(Looked::into(held)?);
        }
    }
    for Looked { claim, spec } in wishes {
        claim.slot.reopen();
        claim.wishes.push(Wish::Retry(Arc::clone(&claim.slot), spec));
    }
    Ok(())
}

/// One that has failed, or may have.
struct Looked {
    claim: Arc<Claim>,
    /// What it reads, as far as that was looked at.
    spec: Spec,
}

impl Looked {
    /// The one that is retried.
    fn at(claim: Arc<Claim>) -> Result<Looked, RetryError> {
        match claim.slot.fate() {
            Fate::Open | Fate::Ready(..) => Err(RetryError::NotFailed(claim.slot.name())),
            Fate::Failed(_) => Looked::into(claim),
        }
    }

    /// One that is made again.
    fn into(claim: Arc<Claim>) -> Result<Looked, RetryError> {
        let task = || claim.slot.name();
        if let Fate::Failed(Ended::Gone(why)) = claim.slot.fate() {
            return Err(RetryError::Gone { task: task(), why: why.to_string() });
        }
        let recipe = claim.slot.recipe().ok_or_else(|| RetryError::Unknown(task()))?;
        Ok(Looked { claim, spec: Spec { recipe, inputs: Vec::new(), once: false } })
    }
}

/// Tells slots apart.
fn place(slot: &Arc<Slot>) -> usize {
    Arc::as_ptr(slot).addr()
}
