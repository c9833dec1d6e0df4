//! The eight tables of TPC-H as CSV with headers: columns, keys, dates and lists of the specification, distributions close to
//! it, so that its 22 queries select what they should. It is not `dbgen`: the rows are our own.

mod calendar;
mod catalog;
mod orders;
mod words;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A table: its name and its columns with their SQL types. Amounts are `DOUBLE`; cents are exact in it for sums of this size.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name, and its file's without `.csv`.
    pub name: &'static str,
    /// Its columns.
    pub columns: &'static [(&'static str, &'static str)],
}

/// All tables, small ones first.
pub const TABLES: [Table; 8] = [
    catalog::REGION,
    catalog::NATION,
    catalog::SUPPLIER,
    catalog::CUSTOMER,
    catalog::PART,
    catalog::PARTSUPP,
    orders::ORDERS,
    orders::LINEITEM,
];

/// How many rows the tables have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scale {
    suppliers: u64,
    customers: u64,
    parts: u64,
    orders: u64,
    clerks: u64,
}

impl Scale {
    fn new(factor: f64) -> Scale {
        let rows = |whole: f64| (whole * factor).round().max(4.0) as u64;
        Scale {
            suppliers: rows(10_000.0),
            customers: rows(150_000.0),
            parts: rows(200_000.0),
            orders: rows(1_500_000.0),
            clerks: rows(1_000.0),
        }
    }
}

/// Writes `DIRECTORY/<table>.csv` for every table. At scale 1 they have about a gigabyte.
///
/// # Errors
/// When a file cannot be written.
pub fn write(directory: &Path, scale: f64) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let scale = Scale::new(scale);
    let mut orders = Sheet::create(directory, &orders::ORDERS)?;
    let mut lines = Sheet::create(directory, &orders::LINEITEM)?;
    orders::write(&mut orders, &mut lines, scale)?;
    orders.out.flush()?;
    lines.out.flush()?;
    for (table, fill) in catalog::FILLS {
        let mut sheet = Sheet::create(directory, &table)?;
        fill(&mut sheet, scale)?;
        sheet.out.flush()?;
    }
    Ok(())
}

/// The file of a table.
pub fn file(directory: &Path, table: &Table) -> PathBuf {
    directory.join(format!("{}.csv", table.name))
}

/// A table while it is written.
struct Sheet {
    out: BufWriter<File>,
}

impl Sheet {
    fn create(directory: &Path, table: &Table) -> io::Result<Sheet> {
        let mut sheet = Sheet { out: BufWriter::with_capacity(1 << 18, File::create(file(directory, table))?) };
        let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        writeln!(sheet.out, "{}", names.join(","))?;
        Ok(sheet)
    }

    /// Writes one line; no cell may need quotes.
    fn line(&mut self, cells: std::fmt::Arguments<'_>) -> io::Result<()> {
        self.out.write_fmt(cells)?;
        self.out.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_their_columns_and_rows() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), 0.001).unwrap();
        let rows: Vec<usize> = TABLES
            .iter()
            .map(|table| {
                let text = fs::read_to_string(file(folder.path(), table)).unwrap();
                for line in text.lines() {
                    assert_eq!(line.split(',').count(), table.columns.len(), "{}: {line}", table.name);
                }
                text.lines().count() - 1
            })
            .collect();
        assert_eq!(rows[..7], [5, 25, 10, 150, 200, 800, 1500]);
        assert!((5_000..7_000).contains(&rows[7]), "{} lines", rows[7]);
    }

    #[test]
    fn lines_name_suppliers_who_have_the_part() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), 0.001).unwrap();
        let cells = |table: &Table, columns: [usize; 2]| -> Vec<(String, String)> {
            let text = fs::read_to_string(file(folder.path(), table)).unwrap();
            let pairs = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
            pairs.map(|row| (row[columns[0]].to_owned(), row[columns[1]].to_owned())).collect()
        };
        let offered: std::collections::BTreeSet<_> = cells(&catalog::PARTSUPP, [0, 1]).into_iter().collect();
        assert_eq!(offered.len(), 800, "four suppliers a part, none twice");
        let bought = cells(&orders::LINEITEM, [1, 2]);
        assert!(bought.iter().all(|pair| offered.contains(pair)));
    }
}
