//! Schemas of less than a file holds.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};

/// A path that a schema does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schema has no column {0}")]
pub struct NoSuchPath(pub String);

/// `schema` with only what `paths` lead to, in the schema's order. A path names columns from the top down; it goes through
/// a list as if it was its elements, and ends at a map or above. What a path ends at is there as a whole.
///
/// # Errors
/// A path leads nowhere.
pub fn prune<S: AsRef<str>>(schema: &Schema, paths: &[Vec<S>]) -> Result<SchemaRef, NoSuchPath> {
    let paths: Vec<Vec<&str>> = paths.iter().map(|path| path.iter().map(AsRef::as_ref).collect()).collect();
    let slices: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
    let fields = members(schema.fields(), &slices)?;
    Ok(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
}

/// Those of `fields` that a path begins with, pruned by what follows.
fn members(fields: &[FieldRef], paths: &[&[&str]]) -> Result<Vec<FieldRef>, NoSuchPath> {
    let is_known = |name: &str| fields.iter().any(|field| field.name() == name);
    if let Some(lost) = paths.iter().find(|path| path.first().is_some_and(|name| !is_known(name))) {
        return Err(NoSuchPath(lost.join(".")));
    }
    let mut wanted = Vec::new();
    for field in fields {
        let deeper = paths.iter().filter(|path| path.first() == Some(&field.name().as_str()));
        let deeper: Vec<&[&str]> = deeper.map(|path| &path[1..]).collect();
        if !deeper.is_empty() {
            wanted.push(pruned(field, &deeper)?);
        }
    }
    Ok(wanted)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "types without members, now and in later versions of arrow")]
fn pruned(field: &FieldRef, paths: &[&[&str]]) -> Result<FieldRef, NoSuchPath> {
    if paths.iter().any(|path| path.is_empty()) {
        return Ok(Arc::clone(field));
    }
    let data_type = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(members(fields, paths)?.into()),
        DataType::List(element) => DataType::List(pruned(element, paths)?),
        _ => return Err(NoSuchPath(format!("{}.{}", field.name(), paths[0].join(".")))),
    };
    let pruned: Field = field.as_ref().clone().with_data_type(data_type);
    Ok(Arc::new(pruned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let sha = Field::new("sha", DataType::Utf8View, true);
        let size = Field::new("size", DataType::Int64, true);
        let commit = Field::new("item", DataType::Struct(vec![sha, size].into()), true);
        let commits = Field::new("commits", DataType::List(Arc::new(commit)), true);
        let head = Field::new("head", DataType::Utf8View, true);
        let payload = Field::new("payload", DataType::Struct(vec![head, commits].into()), true);
        Schema::new(vec![Field::new("id", DataType::Int64, true), payload])
    }

    fn check(paths: &[&str], expected: Result<&str, &str>) {
        let paths: Vec<Vec<&str>> = paths.iter().map(|path| path.split('.').collect()).collect();
        let found = prune(&schema(), &paths).map(|schema| names(schema.fields()));
        assert_eq!(found, expected.map(str::to_owned).map_err(|path| NoSuchPath(path.to_owned())), "{paths:?}");
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "types without members")]
    fn names(fields: &[FieldRef]) -> String {
        let inner = |data_type: &DataType| match data_type {
            DataType::Struct(fields) => format!("({})", names(fields)),
            DataType::List(field) => format!("[{}]", names(std::slice::from_ref(field))),
            _ => String::new(),
        };
        let each = fields.iter().map(|field| format!("{}{}", field.name(), inner(field.data_type())));
        each.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn only_what_paths_lead_to() {
        check(&["id"], Ok("id"));
        check(&["payload.head"], Ok("payload(head)"));
        check(&["payload.commits.sha", "id"], Ok("id payload(commits[item(sha)])"));
        check(&["payload.commits.size", "payload.head"], Ok("payload(head commits[item(size)])"));
        check(&["payload.commits.sha", "payload"], Ok("payload(head commits[item(sha size)])"));
        check(&[], Ok(""));
    }

    #[test]
    fn paths_that_lead_nowhere() {
        check(&["x"], Err("x"));
        check(&["payload.x"], Err("x"));
        check(&["id.x"], Err("id.x"));
    }
}
