//! Names in and of a staging directory.

/// Where tasks write their parts: what a driver tells them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staging {
    /// The staging directory.
    pub url: String,
    /// Tells this run from all others.
    pub id: String,
}

/// The paths of one output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    destination: String,
    /// The directory that holds the staging directory.
    parent: String,
    /// How the names of all staging directories of this destination begin.
    prefix: String,
    root: String,
}

impl Layout {
    /// Staging beside the destination; none for the root directory.
    pub(super) fn beside(destination: &str, id: &str) -> Option<Layout> {
        let (parent, name) = destination.trim_end_matches('/').rsplit_once('/')?;
        if name.is_empty() || name == "." || name == ".." {
            return None;
        }
        Some(Layout::new(destination, parent, format!(".{name}.bobbin-"), id))
    }

    /// Staging in the destination: in the same encryption zone, under the same quota and the same permission.
    pub(super) fn inside(destination: &str, id: &str) -> Layout {
        Layout::new(destination, destination.trim_end_matches('/'), ".bobbin-".to_owned(), id)
    }

    fn new(destination: &str, parent: &str, prefix: String, id: &str) -> Layout {
        let root = format!("{parent}/{prefix}{id}");
        let parent = if parent.is_empty() { "/" } else { parent };
        let destination = destination.trim_end_matches('/').to_owned();
        Layout { destination, parent: parent.to_owned(), prefix, root }
    }

    pub(super) fn destination(&self) -> &str {
        &self.destination
    }

    pub(super) fn parent(&self) -> &str {
        &self.parent
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn root(&self) -> &str {
        &self.root
    }

    pub(super) fn attempts(&self) -> String {
        attempts(&self.root)
    }

    /// The directory that becomes the destination.
    pub(super) fn table(&self) -> String {
        format!("{}/table", self.root)
    }

    pub(super) fn old(&self) -> String {
        old(&self.root)
    }
}

/// Where attempts write in the staging directory `root`.
pub(super) fn attempts(root: &str) -> String {
    format!("{root}/attempts")
}

/// Where the staging directory `root` keeps what it replaces.
pub(super) fn old(root: &str) -> String {
    format!("{root}/old")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |destination, expected: Option<(&str, &str)>| {
            let layout = Layout::beside(destination, "7");
            let seen = layout.as_ref().map(|layout| (layout.parent(), layout.root()));
            assert_eq!(seen, expected, "{destination}");
        };
        check("/a/b", Some(("/a", "/a/.b.bobbin-7")));
        check("/a/b/", Some(("/a", "/a/.b.bobbin-7")));
        check("/a", Some(("/", "/.a.bobbin-7")));
        check("/", None);
        check("/a/..", None);
        assert_eq!(Layout::inside("/a/b", "7").root(), "/a/b/.bobbin-7");
    }
}
