//! The text of statements before any planning: what each one does, which tables it names, how their columns are spelled.

mod call;
mod catalog;
mod identifiers;
mod query_text;
mod scopes;
mod statement;
mod summary;
mod using;

pub use catalog::Catalog;
pub(crate) use catalog::{Entry, taken};
pub(crate) use identifiers::respell;
pub(crate) use query_text::{QueryText, Rows};
pub use statement::Statement;
pub(crate) use statement::{Kind, one_query, select_all};
pub(crate) use summary::{Quartiles, summary};
