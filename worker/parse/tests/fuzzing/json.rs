//! JSON: nothing panics, pieces and splits do not matter, and what serde_json takes is read as it reads it.

use std::sync::Arc;

use bobbin_parse::json::{Format, JsonDecoder, JsonOptions, Sample, infer};
use bobbin_parse::{Decoder, OnBad, SplitRange, Wanted};
use serde_json::Value;

use super::random::Random;
use crate::json_reader::{decode, options, schema, whole};

const SAMPLES: [&[u8]; 18] = [
    br#"{"a":1,"b":"text","c":{"b":"x","a":-2},"d":[{"b":"y","a":3},null],"e":{"k":1.5},"f\n\"":true}"#,
    br#"{"a":null,"c":null,"d":[],"e":{},"b":""}"#,
    br#"{ "b" : "\u0061\n\"\\\/" , "a" : 12345678901234567 }"#,
    br#"{"b":"a text that is longer than twelve bytes and goes on to the next word of sixty-four bytes","a":0}"#,
    br#"{"c":{"a":1e3,"x":{"y":[1,2,{"z":"}]"}]}},"a":1.0,"a":2}"#,
    br#"{"b":{"deep":[[[{"a":1}]]]},"a":-0}"#,
    br#"{"b":"\ud83d\ude00\ud800","a":9223372036854775808}"#,
    br#"{"d":[{"a":1},{"a":2,"b":"caf\u00e9"},{}],"e":{"x":null,"y":2,"x":3}}"#,
    br#"{"a":"1","f\n\"":"true","c":[1]}"#,
    br#"{"a":NaN,"e":{"k":-Infinity}}"#,
    br#"{"t":"2015-01-31","u":"2015-01-31T12:00:00.5+02:00","v":"31.01.2015"}"#,
    br#"{"\u0061":7,"b":"caf\u00e9"}"#,
    b"{\"b\":\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\",\"a\":3}",
    b"{}",
    b"[{\"a\":1},{\"a\":2}]",
    b" \t{\"a\" :5}\r",
    b"null",
    b"",
];
const MARKS: &[u8] = b"\"\\{}[],:0-.eE tfnu\n\r\x00\xff\xed";

pub fn check(seed: u64) {
    let mut random = Random::new(seed);
    let mut file = b"{}\n".to_vec();
    for _ in 0..1 + random.below(8) {
        file.extend_from_slice(&random.file(&SAMPLES[..1 + seed as usize % SAMPLES.len()], MARKS));
        file.push(b'\n');
    }
    let text = format!("seed {seed}: {:?}", String::from_utf8_lossy(&file));
    inferred(&mut random, &file, &text);
    splits(&mut random, &file, &text);
    if let Ok(lines) = std::str::from_utf8(&file) {
        lines.lines().for_each(|line| agrees_with_serde(line, &text));
    }
}

/// What is inferred from a file can be read with it, whole and in pieces alike.
fn inferred(random: &mut Random, file: &[u8], text: &str) {
    let format = if random.once_in(3) { Format::Array } else { Format::Lines };
    let formats = if random.once_in(3) { vec![("t", "%Y-%m-%d"), ("v", "%d.%m.%Y"), ("b", "%Y%j")] } else { vec![] };
    let options = Arc::new(JsonOptions {
        format,
        on_bad: if random.once_in(2) { OnBad::Skip } else { OnBad::Null },
        strict: random.once_in(2),
        coerce_strings: random.once_in(2),
        allow_nan: random.once_in(2),
        lossy: random.once_in(2),
        formats: formats.into_iter().map(|(path, format)| (path.to_owned(), format.to_owned())).collect(),
        max_record_bytes: if random.once_in(8) { 2 + random.below(100) } else { 1 << 20 },
        ..JsonOptions::default()
    });
    let sample = Sample { bytes: file, complete: true, starts_record: true };
    let Ok(inferred) = infer(&[sample], &options) else { return };
    let read = |piece: usize| {
        let len = file.len() as u64;
        let all: Vec<usize> = (0..inferred.schema.fields().len()).collect();
        let wanted = Wanted::rows(Arc::clone(&inferred.schema), &all, 16);
        let mut decoder =
            JsonDecoder::new(Arc::clone(&options), wanted, SplitRange { start: 0, end: len, file_len: len });
        let (mut batches, mut errors) = (Vec::new(), Vec::new());
        while let Some(range) = decoder.wants() {
            let bytes = &file[range.start as usize..range.end as usize];
            errors.extend(decoder.feed(range.start, &bytes[..bytes.len().min(piece)]).err());
            batches.extend(std::iter::from_fn(|| decoder.next_batch()));
        }
        // Through text: NaN equals nothing.
        format!("{batches:?} {errors:?} {:?}", decoder.bad_records())
    };
    assert_eq!(read(usize::MAX), read(1 + random.below(200)), "in pieces by {options:?}: {text}");
}

/// Any cut of a file gives the same rows and as many bad records.
fn splits(random: &mut Random, file: &[u8], text: &str) {
    let on_bad = if random.once_in(2) { OnBad::Skip } else { OnBad::Null };
    let options = options(on_bad, random.once_in(2));
    let expected = whole(file, &schema(), &options);
    let piece = 1 + random.below(200);
    let cuts = random.cuts(file.len());
    let parts: Vec<_> =
        cuts.windows(2).map(|ends| decode(file, (ends[0], ends[1]), piece, &schema(), &options)).collect();
    let rows: Vec<_> = parts.iter().flat_map(|part| part.rows.clone()).collect();
    assert_eq!(rows, expected.rows, "in splits: {text}");
    let bad: u64 = parts.iter().map(|part| part.bad.total()).sum();
    assert_eq!(bad, expected.bad.total(), "in splits: {text}");
}

/// A line is taken if serde_json takes it and it is an object without equal keys; its values are those that serde reads.
fn agrees_with_serde(line: &str, text: &str) {
    if line.trim_matches([' ', '\t', '\r']).is_empty() {
        return;
    }
    let found = whole(line.as_bytes(), &schema(), &options(OnBad::Null, true));
    let is_valid = serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok() && line.trim_ascii().starts_with('{');
    let kinds: Vec<_> = found.bad.counts.keys().copied().collect();
    if kinds.contains(&"duplicate key") {
        return;
    }
    let is_taken = found.error.is_none() && !kinds.contains(&"malformed");
    assert_eq!(is_taken, is_valid, "line {line:?} of {text}");
    let (Ok(expected), Some(row)) = (serde_json::from_str::<Value>(line), found.rows.first()) else { return };
    if is_taken {
        same(row, &expected, text);
    }
}

/// Where a column holds something that is written plainly, it is that.
fn same(found: &Value, expected: &Value, text: &str) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            let both = found.iter().filter_map(|(name, found)| Some((found, expected.get(name)?)));
            both.for_each(|(found, expected)| same(found, expected, text));
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{text}");
            found.iter().zip(expected).for_each(|(found, expected)| same(found, expected, text));
        }
        (Value::Number(found), Value::Number(expected)) => assert_eq!(found.as_f64(), expected.as_f64(), "{text}"),
        (Value::String(found), Value::String(expected)) => assert_eq!(found, expected, "{text}"),
        (Value::Bool(found), expected) => assert_eq!(Some(*found), expected.as_bool(), "{text}"),
        (Value::Null | Value::Number(_) | Value::String(_) | Value::Object(_) | Value::Array(_), _) => {}
    }
}
