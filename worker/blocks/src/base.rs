//! What a path without a scheme means.

/// What a path without a scheme means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathBase {
    /// A path of this machine, relative to the working directory.
    Local,
    /// A path on the default file system. The URL is that of the user's home directory there, such as
    /// `hdfs://namenode:8020/user/alice`: relative paths are joined to it, absolute ones replace its path.
    DefaultFs(String),
}

/// The scheme of a path, such as `hdfs`; `None` for a plain path.
pub fn scheme(path: &str) -> Option<&str> {
    let (scheme, rest) = path.split_once(':')?;
    let is_word = !scheme.is_empty() && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '+');
    (is_word && (rest.starts_with("//") || scheme == "file")).then_some(scheme)
}

impl PathBase {
    /// A path as a reader understands it: one without a scheme is joined to this base.
    pub fn absolute(&self, path: &str) -> String {
        let PathBase::DefaultFs(home) = self else {
            return path.to_owned();
        };
        if scheme(path).is_some() {
            return path.to_owned();
        }
        let home = home.trim_end_matches('/');
        if !path.starts_with('/') {
            return format!("{home}/{path}");
        }
        let authority_end =
            home.find("://").map_or(0, |at| home[at + 3..].find('/').map_or(home.len(), |end| at + 3 + end));
        format!("{}{path}", &home[..authority_end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_plain_paths_to_the_default_file_system() {
        let home = PathBase::DefaultFs("hdfs://nn:8020/user/alice".into());
        assert_eq!(home.absolute("t.csv"), "hdfs://nn:8020/user/alice/t.csv");
        assert_eq!(home.absolute("/data/*.csv"), "hdfs://nn:8020/data/*.csv");
        assert_eq!(home.absolute("file:///t.csv"), "file:///t.csv");
        assert_eq!(PathBase::Local.absolute("t.csv"), "t.csv");
        assert_eq!(PathBase::DefaultFs("hdfs://nn".into()).absolute("/t.csv"), "hdfs://nn/t.csv");
    }

    #[test]
    fn schemes_are_words_before_slashes() {
        assert_eq!(scheme("hdfs:///a"), Some("hdfs"));
        assert_eq!(scheme("file:/a"), Some("file"));
        assert_eq!((scheme("a/b:c.csv"), scheme("trips.csv")), (None, None));
    }
}
