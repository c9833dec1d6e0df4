//! Columns for people. Numbers stand on the right; what is wider than the terminal is wrapped.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::{CellAlignment, ContentArrangement, Table as Grid, presets};

use bobbin_engine::output::{Destination, OutputError, RowWriter};

/// Rows of one drawn table. A longer answer is drawn as several, so that it need not fit into memory.
const ROWS: usize = 1000;

pub(super) struct Table {
    destination: Destination,
    schema: SchemaRef,
    width: Option<u16>,
    grid: Grid,
    rows: usize,
    drawn: usize,
}

impl Table {
    pub(super) fn new(schema: &SchemaRef, destination: Destination, width: Option<u16>) -> Self {
        let grid = grid(schema, width);
        Table { destination, schema: schema.clone(), width, grid, rows: 0, drawn: 0 }
    }

    fn draw(&mut self) -> Result<(), OutputError> {
        let drawn = std::mem::replace(&mut self.grid, grid(&self.schema, self.width));
        for line in drawn.lines() {
            writeln!(self.destination, "{}", line.trim_end())?;
        }
        self.drawn += self.rows;
        self.rows = 0;
        Ok(())
    }
}

impl RowWriter for Table {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        let options = FormatOptions::default().with_null("NULL");
        let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let mut cells = Vec::with_capacity(columns.len());
            for column in &columns {
                cells.push(column.value(row).try_to_string()?);
            }
            self.grid.add_row(cells);
            self.rows += 1;
            if self.rows == ROWS {
                self.draw()?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), OutputError> {
        if self.rows > 0 || self.drawn == 0 {
            self.draw()?;
        }
        let noun = if self.drawn == 1 { "row" } else { "rows" };
        writeln!(self.destination, "{} {noun}", self.drawn)?;
        Ok(self.destination.flush()?)
    }
}

fn grid(schema: &SchemaRef, width: Option<u16>) -> Grid {
    let mut grid = Grid::new();
    grid.load_preset(presets::ASCII_MARKDOWN);
    grid.set_content_arrangement(ContentArrangement::Dynamic);
    grid.set_width(width.unwrap_or(u16::MAX));
    grid.set_header(schema.fields().iter().map(|field| field.name()));
    for (index, field) in schema.fields().iter().enumerate() {
        if let Some(column) = grid.column_mut(index).filter(|_| field.data_type().is_numeric()) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    grid
}
