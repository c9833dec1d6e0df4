//! One record: its fields, or what is wrong with it.

use bobbin_parse::csv::CsvOptions;

/// A field: `None` if it cannot be read.
pub type Field = Option<Text>;

/// The text of a field in the file's encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub bytes: Vec<u8>,
    pub is_null: bool,
}

pub enum Parsed {
    Good { fields: Vec<Field>, next: usize },
    Bad { kind: &'static str, readable: Option<Vec<Field>>, next: usize },
}

pub struct Reader<'a> {
    pub options: &'a CsvOptions,
    pub columns: usize,
    pub file: &'a [u8],
}

/// How a field ended.
enum End {
    Separator,
    Newline,
    /// Of the bytes.
    Bytes,
    /// Text after a closing quote, at this place.
    Broken(usize),
    /// Inside quotes.
    Open,
}

impl Parsed {
    pub fn next(&self) -> usize {
        match self {
            Parsed::Good { next, .. } | Parsed::Bad { next, .. } => *next,
        }
    }
}

impl Reader<'_> {
    /// Where the line ends, behind its newline.
    pub fn next_line(&self, at: usize) -> usize {
        let newline = self.file[at..].iter().position(|byte| *byte == b'\n');
        newline.map_or(self.file.len(), |newline| at + newline + 1)
    }

    /// The line behind the one at `at`, if that is empty or a comment.
    pub fn skipped_line(&self, at: usize) -> Option<usize> {
        let next = self.next_line(at);
        let line = &self.file[at..next];
        let is_blank = matches!(line, b"\n" | b"\r\n" | b"\r");
        let is_comment = self.options.comment.as_ref().is_some_and(|prefix| line.starts_with(prefix.as_bytes()));
        (is_blank || is_comment).then_some(next)
    }

    /// The record at `start`.
    pub fn record(&self, start: usize) -> Parsed {
        let most = self.options.max_record_bytes;
        // So much of the file decides, and one byte more.
        let limit = start + most + 1;
        let window = &self.file[..self.file.len().min(limit)];
        let (fields, end, at) = self.fields(window, start);
        let bad = |kind, readable, next| Parsed::Bad { kind, readable, next };
        match end {
            End::Broken(broken) => {
                let line_end = self.next_line(broken);
                let end = line_end - usize::from(self.file[..line_end].ends_with(b"\n"));
                if end - start > most {
                    return bad("text after quote", None, line_end);
                }
                let readable = self.readable(&self.file[..end], start);
                bad("text after quote", Some(readable), line_end)
            }
            End::Open | End::Bytes if window.len() == limit => {
                let kind = if matches!(end, End::Open) { "unterminated quote" } else { "too long" };
                bad(kind, None, if limit <= self.file.len() { self.next_line(limit) } else { self.file.len() })
            }
            End::Open => bad("unterminated quote", None, self.file.len()),
            End::Newline | End::Bytes | End::Separator => self.counted(fields, at),
        }
    }

    /// Judges the number of fields.
    fn counted(&self, mut fields: Vec<Field>, next: usize) -> Parsed {
        let is_trailing = fields.last().cloned().flatten().is_some_and(|field| field.is_null && field.bytes.is_empty());
        if self.options.allow_trailing_sep && fields.len() == self.columns + 1 && is_trailing {
            fields.pop();
        }
        let is_short = fields.len() < self.columns && self.options.allow_short_rows;
        if fields.len() == self.columns || is_short {
            return Parsed::Good { fields, next };
        }
        fields.truncate(self.columns);
        Parsed::Bad { kind: "field count", readable: Some(fields), next }
    }

    /// The fields from `at` on, how the last one ended, and where what follows begins.
    fn fields(&self, bytes: &[u8], mut at: usize) -> (Vec<Field>, End, usize) {
        let mut fields = Vec::new();
        loop {
            let (field, end, next) = self.field(bytes, at);
            fields.push(field);
            at = next;
            if !matches!(end, End::Separator) {
                return (fields, end, at);
            }
        }
    }

    /// All fields of a record whose quotes are wrong that can be read.
    fn readable(&self, record: &[u8], start: usize) -> Vec<Field> {
        let (mut fields, end, _) = self.fields(record, start);
        if let End::Broken(broken) = end {
            let separator = record[broken..].iter().position(|byte| *byte == self.options.separator);
            if let Some(separator) = separator {
                fields.extend(self.readable(record, broken + separator + 1));
            }
        }
        fields.truncate(self.columns);
        fields
    }

    fn field(&self, bytes: &[u8], mut at: usize) -> (Field, End, usize) {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t') && *byte != self.options.separator;
        while self.options.skip_initial_space && bytes.get(at).is_some_and(is_blank) {
            at += 1;
        }
        if self.options.quote.is_some() && bytes.get(at) == self.options.quote.as_ref() {
            self.quoted(bytes, at + 1)
        } else {
            self.unquoted(bytes, at)
        }
    }

    fn quoted(&self, bytes: &[u8], mut at: usize) -> (Field, End, usize) {
        let quote = self.options.quote;
        let mut text = Vec::new();
        loop {
            let Some(&byte) = bytes.get(at) else { return (None, End::Open, at) };
            let next = bytes.get(at + 1).copied();
            if Some(byte) == self.options.escape || (Some(byte) == quote && next == quote) {
                let Some(next) = next else { return (None, End::Open, at) };
                text.push(next);
                at += 2;
            } else if Some(byte) == quote {
                at += 1;
                break;
            } else {
                text.push(byte);
                at += 1;
            }
        }
        let field = Some(Text { bytes: text, is_null: false });
        match &bytes[at..] {
            [] | [b'\r'] => (field, End::Bytes, bytes.len()),
            [byte, ..] if *byte == self.options.separator => (field, End::Separator, at + 1),
            [b'\n', ..] => (field, End::Newline, at + 1),
            [b'\r', b'\n', ..] => (field, End::Newline, at + 2),
            _ => (None, End::Broken(at), at),
        }
    }

    fn unquoted(&self, bytes: &[u8], start: usize) -> (Field, End, usize) {
        let mut at = start;
        let end = loop {
            match bytes.get(at) {
                None => break End::Bytes,
                Some(byte) if Some(*byte) == self.options.escape => at += 2,
                Some(b'\n') => break End::Newline,
                Some(byte) if *byte == self.options.separator => break End::Separator,
                Some(_) => at += 1,
            }
        };
        let mut raw = &bytes[start..at.min(bytes.len())];
        if !matches!(end, End::Separator) {
            raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        }
        let next = bytes.len().min(at + 1);
        let is_null = raw.is_empty() || self.options.null_tokens.iter().any(|token| token.as_bytes() == raw);
        (Some(Text { bytes: self.unescaped(raw), is_null }), end, next)
    }

    fn unescaped(&self, raw: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        let mut bytes = raw.iter().peekable();
        while let Some(byte) = bytes.next() {
            let is_escape = Some(*byte) == self.options.escape;
            text.push(if is_escape { *bytes.next().unwrap_or(byte) } else { *byte });
        }
        text
    }
}
