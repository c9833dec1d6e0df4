//! How a future's result is made: kept until it is there, so that it can be made again when it fails.

use std::sync::Arc;

use bobbin_proto as wire;
use bytes::Bytes;

use super::slot::Slot;

/// One call.
pub(crate) struct Recipe {
    /// The function, encoded: what all its calls share.
    pub function: Bytes,
    /// What to call its tasks.
    pub set: Arc<str>,
    /// How it is to be run, if not as usual.
    pub options: Option<wire::TaskOptions>,
    /// Its arguments, encoded; those that are results count in `inputs`.
    pub body: Bytes,
    /// What it reads. This does not hold their results.
    pub inputs: Vec<Arc<Slot>>,
    /// Hosts that hold what it reads, best first.
    pub places: Vec<String>,
    /// Bytes that it reads there.
    pub input_bytes: u64,
}

impl Drop for Recipe {
    /// Calls that read each other's results are a chain of any length: its links go one after the other, not one in the other.
    fn drop(&mut self) {
        let mut left = std::mem::take(&mut self.inputs);
        while let Some(slot) = left.pop() {
            let recipe = Arc::into_inner(slot).and_then(Slot::into_recipe);
            if let Some(mut recipe) = recipe.and_then(Arc::into_inner) {
                left.append(&mut recipe.inputs);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::slot::Key;
    use super::*;

    #[test]
    fn a_long_chain_goes_link_by_link() {
        let mut last = Arc::new(Slot::new("first", Key([0; 16])));
        for _ in 0..300_000 {
            let next = Arc::new(Slot::new("next", Key([0; 16])));
            let (function, body, set) = (Bytes::new(), Bytes::new(), Arc::from("next"));
            let (inputs, places) = (vec![last], Vec::new());
            next.made_by(&Arc::new(Recipe { function, set, options: None, body, inputs, places, input_bytes: 0 }));
            last = next;
        }
        // As the last one to hold it.
        drop(last);
    }
}
