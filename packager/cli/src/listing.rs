//! Lists of applications and sessions for people: rows stay whole, so that what stands in them can be copied. On a narrow terminal
//! there are fewer columns.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// A column of a list.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// What stands above it.
    pub title: &'static str,
    /// Columns with higher numbers are left out before others where there is no room; those with 0 never are.
    pub dispensable: u8,
    /// Whether it holds numbers, which end where the column does.
    pub is_number: bool,
}

impl Column {
    /// A column of texts.
    pub const fn text(title: &'static str, dispensable: u8) -> Column {
        Column { title, dispensable, is_number: false }
    }

    /// A column of numbers.
    pub const fn number(title: &'static str, dispensable: u8) -> Column {
        Column { title, dispensable, is_number: true }
    }
}

/// The rows under their titles, in lines of at most `width` characters (absent: as long as they are), if the columns that are
/// always there are no wider.
pub fn lines<const N: usize>(columns: [Column; N], rows: &[[String; N]], width: Option<u16>) -> String {
    let shown = shown(&columns, rows, width.map_or(usize::MAX, usize::from));
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(shown.iter().map(|&at| columns[at].title));
    for row in rows {
        table.add_row(shown.iter().map(|&at| row[at].as_str()));
    }
    for (place, &at) in shown.iter().enumerate() {
        if let Some(column) = table.column_mut(place).filter(|_| columns[at].is_number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// The columns for which there is room, in order.
fn shown<const N: usize>(columns: &[Column; N], rows: &[[String; N]], width: usize) -> Vec<usize> {
    let wide = |at: &usize| {
        let longest = rows.iter().map(|row| row[*at].chars().count()).max().unwrap_or_default();
        // A space on each side.
        longest.max(columns[*at].title.len()) + 2
    };
    let mut shown: Vec<usize> = (0..N).collect();
    // The last one's space behind it is not printed.
    while shown.iter().map(wide).sum::<usize>() > width.saturating_add(1) {
        let Some(&first) = shown.iter().max_by_key(|at| columns[**at].dispensable) else { break };
        if columns[first].dispensable == 0 {
            break;
        }
        shown.retain(|at| *at != first);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_terminals_have_fewer_columns_and_whole_rows() {
        let columns = [Column::text("NAME", 0), Column::number("ROWS", 2), Column::text("STARTED", 1)];
        let rows = [["alpha".to_owned(), "7".to_owned(), "2026-11-29 17:57:51Z".to_owned()]];
        let lines = |width| lines(columns, &rows, width);
        assert_eq!(lines(None), " NAME   ROWS  STARTED\n alpha     7  2026-11-29 17:57:51Z");
        assert_eq!(lines(Some(34)), lines(None));
        assert_eq!(lines(Some(33)), " NAME   STARTED\n alpha  2026-11-29 17:57:51Z");
        assert_eq!(lines(Some(20)), " NAME\n alpha");
        assert_eq!(lines(Some(3)), " NAME\n alpha");
    }
}
