//! Where a query runs, and what its paths mean there.

use crate::args::Master;

/// Where a query runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this process, with so many threads (absent: all cores). A path without a scheme is a local path.
    Local {
        /// Task threads.
        threads: Option<u32>,
    },
    /// In an application on the cluster.
    Cluster {
        /// Whether the user said so: then a path without a scheme is on the default file system.
        explicit: bool,
    },
}

/// A table that cannot be read where the query is to run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "table '{table}' is on this machine, and workers on the cluster cannot read it; run the query here with --master local, or put the file on HDFS"
)]
pub struct LocalTableError {
    table: String,
}

/// Decides by what the user asked for (`master`) and by the tables' paths.
pub fn decide<'a>(
    master: Option<Master>,
    tables: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
) -> Result<Place, LocalTableError> {
    let tables: Vec<(&str, Option<&str>)> = tables.into_iter().collect();
    let local = |(_, scheme): &&(&str, Option<&str>)| *scheme == Some("file");
    let has_hdfs = tables.iter().any(|(_, scheme)| scheme.is_some_and(|scheme| scheme != "file"));
    let place = match master {
        Some(Master::Local(threads)) => return Ok(Place::Local { threads }),
        Some(Master::Yarn) => Place::Cluster { explicit: true },
        None if has_hdfs => Place::Cluster { explicit: false },
        None => return Ok(Place::Local { threads: None }),
    };
    let unreachable = tables.iter().find(|table| match place {
        Place::Cluster { explicit: true } => local(table),
        // Nothing was said: a path without a scheme is a local one.
        Place::Cluster { explicit: false } => local(table) || table.1.is_none(),
        Place::Local { .. } => false,
    });
    match unreachable {
        Some((table, _)) => Err(LocalTableError { table: (*table).to_owned() }),
        None => Ok(place),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(master: Option<&str>, tables: &[(&str, Option<&str>)], expected: Option<Place>) {
        let master = master.map(|text| text.parse().unwrap());
        assert_eq!(decide(master, tables.iter().copied()).ok(), expected, "{master:?} {tables:?}");
    }

    #[test]
    fn the_tables_decide_when_the_user_does_not() {
        let here = Place::Local { threads: None };
        let (plain, file, hdfs) = (("t.csv", None), ("file:///t.csv", Some("file")), ("hdfs:///t.csv", Some("hdfs")));
        check(None, &[], Some(here));
        check(None, &[plain, file], Some(here));
        check(None, &[hdfs], Some(Place::Cluster { explicit: false }));
        check(None, &[hdfs, plain], None);
        check(Some("yarn"), &[plain, hdfs], Some(Place::Cluster { explicit: true }));
        check(Some("yarn"), &[file], None);
        check(Some("local[3]"), &[hdfs], Some(Place::Local { threads: Some(3) }));
    }

    #[test]
    fn the_error_names_the_way_out() {
        let error = decide(Some(Master::Yarn), [("file:///t.csv", Some("file"))]).unwrap_err();
        assert!(error.to_string().contains("--master local"));
    }
}
