//! Formats of single columns: whether they can be read, and whether the columns that they name are there.

use arrow::datatypes::{DataType, Fields, Schema};

use super::{JsonOptions, OptionsError};
use crate::values::Format;

impl JsonOptions {
    pub(super) fn check_formats(&self) -> Result<(), OptionsError> {
        for (column, format) in &self.formats {
            let compiled = Format::compile(format);
            compiled.map_err(|source| OptionsError::Format { column: column.clone(), source })?;
        }
        Ok(())
    }

    /// Checks that the formats fit the columns of a file.
    ///
    /// # Errors
    /// A column that is not there, or whose type has no format.
    pub fn check_columns(&self, schema: &Schema) -> Result<(), OptionsError> {
        for column in self.formats.keys() {
            let data_type =
                member(schema.fields(), column).ok_or_else(|| OptionsError::NoSuchColumn(column.clone()))?;
            if !matches!(data_type, DataType::Date32 | DataType::Timestamp(..)) {
                let data_type = data_type.to_string();
                return Err(OptionsError::FormatOfOtherType { column: column.clone(), data_type });
            }
        }
        Ok(())
    }

    /// Whether the strings of the column at `path` have a time of day, if a format says what they are.
    pub(crate) fn formatted_with_time(&self, path: &str) -> Option<bool> {
        Some(Format::compile(self.formats.get(path)?).ok()?.has_time())
    }
}

/// The type of the member at `path`; names may have points themselves.
fn member<'a>(fields: &'a Fields, path: &str) -> Option<&'a DataType> {
    fields.iter().find_map(|field| within(field.data_type(), path.strip_prefix(field.name().as_str())?))
}

/// The type at `rest` of a value of `data_type`.
#[expect(clippy::wildcard_enum_match_arm, reason = "types without members, now and in later versions of arrow")]
fn within<'a>(data_type: &'a DataType, rest: &str) -> Option<&'a DataType> {
    if rest.is_empty() {
        return Some(data_type);
    }
    match data_type {
        DataType::Struct(fields) => member(fields, rest.strip_prefix('.')?),
        DataType::List(element) => within(element.data_type(), rest.strip_prefix("[]")?),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(entries) => within(entries.get(1)?.data_type(), rest.strip_prefix(".*")?),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{Field, TimeUnit};

    use super::*;

    fn options(path: &str, format: &str) -> JsonOptions {
        JsonOptions { formats: [(path.to_owned(), format.to_owned())].into(), ..JsonOptions::default() }
    }

    #[test]
    fn formats_are_checked() {
        assert_eq!(options("a", "%d.%m.%Y").check(), Ok(()));
        let error = options("a", "%d.%m").check().unwrap_err();
        assert!(matches!(error, OptionsError::Format { column, .. } if column == "a"));
    }

    #[test]
    fn columns_are_found_by_path() {
        let field = |name: &str, data_type| Field::new(name, data_type, true);
        let entries = vec![field("keys", DataType::Utf8), field("values", DataType::Date32)];
        let map = DataType::Map(Arc::new(field("entries", DataType::Struct(entries.into()))), false);
        let commit = DataType::Struct(vec![field("date", DataType::Timestamp(TimeUnit::Second, None))].into());
        let members = vec![field("commits", DataType::List(Arc::new(field("item", commit)))), field("builds", map)];
        let columns = [
            field("a", DataType::Int64),
            field("a.b", DataType::Date32),
            field("payload", DataType::Struct(members.into())),
        ];
        let schema = Schema::new(columns.to_vec());
        let check = |path: &str| options(path, "%Y%m%d").check_columns(&schema);
        for path in ["a.b", "payload.commits[].date", "payload.builds.*"] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
        for path in ["b", "a.", "payload.date", "payload.commits.date", "payload.builds.keys"] {
            assert_eq!(check(path), Err(OptionsError::NoSuchColumn(path.into())));
        }
        for path in ["a", "payload", "payload.commits[]"] {
            assert!(matches!(check(path), Err(OptionsError::FormatOfOtherType { .. })), "{path}");
        }
    }
}
