//! Locations on HDFS: what users write, what YARN wants.

use std::fmt;

use hadoop_wire::messages::yarn::Url;

/// A path on a file system: `hdfs://host:9000/a`, `hdfs://nameservice/a`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    scheme: String,
    host: String,
    port: Option<u16>,
    path: String,
}

/// A text that is no location.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a location on HDFS: {reason}")]
pub struct UrlError {
    text: String,
    reason: &'static str,
}

impl Location {
    /// The file system itself, as `fs.defaultFS` writes it.
    pub fn file_system(text: &str) -> Result<Self, UrlError> {
        let wrong = |reason| UrlError { text: text.to_owned(), reason };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("it has no scheme; write hdfs://HOST:PORT"))?;
        if !matches!(scheme, "hdfs" | "viewfs") {
            return Err(wrong("its scheme is not hdfs"));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_| wrong("its port is not a number"))?)),
            None => (authority, None),
        };
        Ok(Location { scheme: scheme.to_owned(), host: host.to_owned(), port, path: path.to_owned() })
    }

    /// What a user wrote: a full URL, or a path on `default`.
    pub fn parse(text: &str, default: &Location) -> Result<Self, UrlError> {
        if text.starts_with('/') {
            return Ok(default.at(text));
        }
        let location = Location::file_system(text)?;
        if location.path.is_empty() {
            return Err(UrlError { text: text.to_owned(), reason: "it has no path" });
        }
        Ok(if location.host.is_empty() { default.at(&location.path) } else { location })
    }

    /// The same file system, at another path.
    pub fn at(&self, path: &str) -> Self {
        Location { path: path.to_owned(), ..self.clone() }
    }

    /// The path, without the file system.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether both are on one file system.
    pub fn is_same_file_system(&self, other: &Location) -> bool {
        (&self.scheme, &self.host, self.port.unwrap_or(8020))
            == (&other.scheme, &other.host, other.port.unwrap_or(8020))
    }

    /// The URL in YARN's messages. A port that nobody wrote is -1, never 0.
    pub fn to_yarn(&self) -> Url {
        Url {
            scheme: Some(self.scheme.clone()),
            host: Some(self.host.clone()),
            port: Some(self.port.map_or(-1, i32::from)),
            file: Some(self.path.clone()),
            user_info: None,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme, self.host)?;
        if let Some(port) = self.port {
            write!(formatter, ":{port}")?;
        }
        formatter.write_str(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_written_as_they_were_read() {
        let default = Location::file_system("hdfs://m:9000").unwrap();
        let check = |text: &str, expected: &str| {
            assert_eq!(Location::parse(text, &default).unwrap().to_string(), expected);
        };
        check("/a/b", "hdfs://m:9000/a/b");
        check("hdfs:///a", "hdfs://m:9000/a");
        check("hdfs://ns/a", "hdfs://ns/a");
        check("hdfs://other:8020/a b", "hdfs://other:8020/a b");
        for wrong in ["a/b", "file:///a", "s3://b/a", "hdfs://m:x/a", "hdfs://m:9000"] {
            assert!(Location::parse(wrong, &default).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_nameservice_has_port_minus_one() {
        let location = Location::parse("hdfs://ns/a", &Location::file_system("hdfs://m").unwrap()).unwrap();
        assert_eq!((location.to_yarn().port, location.to_yarn().host.as_deref()), (Some(-1), Some("ns")));
    }

    #[test]
    fn the_default_port_is_the_same_file_system() {
        let one = Location::file_system("hdfs://m").unwrap();
        assert!(one.is_same_file_system(&Location::file_system("hdfs://m:8020/x").unwrap()));
        assert!(!one.is_same_file_system(&Location::file_system("hdfs://m:9000").unwrap()));
    }
}
