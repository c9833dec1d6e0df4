//! Which logs a user wants.

use hadoop_wire::names::ContainerId;

/// Containers and files; `None` is all of them.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// A container's id, the end of its id, or `master`.
    pub container: Option<String>,
    /// Name of a file.
    pub log: Option<String>,
}

impl Selection {
    /// Whether nothing was left out.
    pub fn is_everything(&self) -> bool {
        self.container.is_none() && self.log.is_none()
    }

    /// What is asked for, in words: `logs of container_… (--container) named stdout (--log)`.
    pub fn describe(&self) -> String {
        let container = self.container.as_ref().map(|id| format!(" of {id} (--container)")).unwrap_or_default();
        let log = self.log.as_ref().map(|name| format!(" named {name} (--log)")).unwrap_or_default();
        format!("logs{container}{log}")
    }

    /// Whether it is one file of one container, which needs no heading.
    pub fn is_single(&self) -> bool {
        self.container.is_some() && self.log.is_some()
    }

    /// Whether a container is wanted.
    pub fn wants_container(&self, id: &str) -> bool {
        match self.container.as_deref() {
            None => true,
            Some("master") => id.parse().is_ok_and(|id: ContainerId| id.sequence == 1),
            Some(wanted) => id == wanted || id.ends_with(&format!("_{wanted}")),
        }
    }

    /// Whether a file is wanted.
    pub fn wants_log(&self, name: &str) -> bool {
        self.log.as_deref().is_none_or(|wanted| wanted == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_named_in_three_ways() {
        let id = "container_e17_1700000000000_0007_01_000002";
        let wants = |text: &str| Selection { container: Some(text.to_owned()), log: None }.wants_container(id);
        assert!(wants(id) && wants("000002") && wants("01_000002"));
        assert!(!wants("2") && !wants("master") && !wants("000003"));
        let master = Selection { container: Some("master".to_owned()), log: None };
        assert!(master.wants_container("container_1700000000000_0007_02_000001"));
        assert!(Selection::default().wants_container(id) && Selection::default().wants_log("stdout"));
    }
}
