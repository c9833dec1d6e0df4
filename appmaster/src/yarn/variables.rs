//! Environment variables of the workers' containers: the environment is active there too.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::environment::Activation;
use crate::launch::{quote, quote_literally};
use crate::spec::EnvironmentKind;
use crate::unpacking::Unpacking;

/// What the variables depend on.
pub struct WorkerVariables {
    /// The environment, if there is one.
    pub environment: Option<EnvironmentKind>,
    /// What the user has set, which is the last word.
    pub of_the_user: BTreeMap<String, String>,
    /// How far the environment in our own container is.
    pub unpacking: Unpacking,
}

impl WorkerVariables {
    /// The variables, as a launch script is to hold them. Where the kind of the environment does not say it all, what has
    /// been unpacked here does, when it has.
    pub async fn known(&self) -> Result<BTreeMap<String, String>, Arc<str>> {
        let active = match self.environment {
            Some(kind) => {
                if !Activation::is_certain(kind) {
                    self.unpacking.done().await?;
                }
                // Nobody ever removes the working directory of a running container.
                let here = std::env::current_dir().unwrap_or_default();
                Activation::of(kind, &here).variables_of_launch(std::env::var("PATH").ok().as_deref())
            }
            None => BTreeMap::new(),
        };
        let mut variables: BTreeMap<_, _> = active.into_iter().map(|(name, value)| (name, quote(&value))).collect();
        variables.extend(self.of_the_user.iter().map(|(name, value)| (name.clone(), quote_literally(value))));
        Ok(variables)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn variables(kind: EnvironmentKind, unpacking: &Unpacking) -> WorkerVariables {
        let of_the_user = BTreeMap::from([("CONDA_PREFIX".to_owned(), "{{mine}}".to_owned())]);
        WorkerVariables { environment: Some(kind), of_the_user, unpacking: unpacking.clone() }
    }

    #[tokio::test]
    async fn only_what_must_be_looked_at_waits_for_it() {
        let (go, going) = std::sync::mpsc::channel::<()>();
        let unpacking = Unpacking::start(Box::new(move || Ok(going.recv()?)));
        let known = variables(EnvironmentKind::Conda, &unpacking).known().now_or_never().unwrap().unwrap();
        assert!(known["PATH"].starts_with("{{PWD}}/environment/bin:"), "{known:?}");
        assert_eq!(known["CONDA_PREFIX"], "{\"\"{mine}\"\"}");
        let unknown = variables(EnvironmentKind::Unknown, &unpacking);
        assert!(unknown.known().now_or_never().is_none());
        go.send(()).unwrap();
        assert!(unknown.known().await.unwrap()["PATH"].starts_with("{{PWD}}/environment:"));
    }

    #[tokio::test]
    async fn what_is_never_there_starts_no_worker() {
        let failed = Unpacking::start(Box::new(|| Err("disk full".into())));
        assert_eq!(variables(EnvironmentKind::Plain, &failed).known().await, Err(Arc::from("disk full")));
    }
}
