//! What bobbin prints as CSV, as cells: a missing value is nothing, an empty text is `""`.

/// Cells by rows, the header first.
///
/// # Errors
/// What is not CSV.
pub(super) fn cells(text: &str) -> Result<Vec<Vec<Option<String>>>, String> {
    let mut rows = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut row = Vec::new();
        loop {
            let (cell, after) = cell(rest)?;
            row.push(cell);
            match after.chars().next() {
                Some(',') => rest = &after[1..],
                Some('\n') => {
                    rest = &after[1..];
                    break;
                }
                Some(other) => return Err(format!("{other:?} follows a cell of row {}", rows.len())),
                None => return Err(format!("row {} does not end", rows.len())),
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

/// One cell, and what follows it.
fn cell(text: &str) -> Result<(Option<String>, &str), String> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([',', '\n']).unwrap_or(text.len());
        let cell = (end > 0).then(|| text[..end].to_owned());
        return Ok((cell, &text[end..]));
    };
    let mut cell = String::new();
    loop {
        let end = rest.find('"').ok_or("a quote is not closed")?;
        cell.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                cell.push('"');
                rest = after;
            }
            None => return Ok((Some(cell), rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_not_the_empty_text() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            cells("a,\"b\"\n,\"\"\n\"x\"\"\n,y\",2\n").unwrap(),
            [[text("a"), text("b")], [None, text("")], [text("x\"\n,y"), text("2")]]
        );
        assert!(cells("a").is_err());
        assert!(cells("\"a\n").is_err());
        assert!(cells("\"a\"b\n").is_err());
    }
}
