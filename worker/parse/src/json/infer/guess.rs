//! What the values of a column have in common.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};

use super::Rule;
use crate::json::number::{Form, form};
use crate::json::options::JsonOptions;
use crate::values::{parse_date, parse_i64, parse_timestamp};

/// An object with more different keys may be a map.
const MANY_KEYS: usize = 200;
/// It is one when the average key is in less than one of so many objects.
const RARITY: u64 = 10;

/// What was seen of a column.
#[derive(Clone, Debug, Default)]
pub(super) struct Guess {
    booleans: bool,
    integers: bool,
    /// Numbers that are no integers of 64 bits.
    fractions: bool,
    dates: bool,
    timestamps: bool,
    /// Strings that are neither.
    texts: bool,
    objects: u64,
    members: Members,
    lists: bool,
    element: Option<Box<Guess>>,
    too_deep: bool,
}

/// The members of the objects of a column, in the order in which they were first seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    list: Vec<Member>,
    index: HashMap<String, usize>,
}

#[derive(Clone, Debug)]
struct Member {
    name: String,
    guess: Guess,
    /// Objects that have it.
    count: u64,
    /// The last of them.
    last: u64,
}

/// What comes out beside the types.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub options: &'a JsonOptions,
    pub rules: Vec<(String, Rule)>,
    pub notes: Vec<String>,
    pub unknown: Vec<String>,
}

impl Guess {
    pub(super) fn see_boolean(&mut self) {
        self.booleans = true;
    }

    /// A number as it is written; false if it is none.
    pub(super) fn see_number(&mut self, text: &[u8]) -> bool {
        match form(text) {
            Form::Whole if parse_i64(text, text.len()).is_some() => self.integers = true,
            Form::Whole | Form::Fraction => self.fractions = true,
            Form::Bad => return false,
        }
        true
    }

    /// `NaN` or an infinity.
    pub(super) fn see_special(&mut self) {
        self.fractions = true;
    }

    pub(super) fn see_string(&mut self, text: &[u8]) {
        if parse_date(text).is_some() {
            self.dates = true;
        } else if parse_timestamp(text).is_some() {
            self.timestamps = true;
        } else {
            self.texts = true;
        }
    }

    pub(super) fn see_too_deep(&mut self) {
        self.too_deep = true;
    }

    pub(super) fn see_list(&mut self) -> &mut Guess {
        self.lists = true;
        self.element.get_or_insert_default()
    }

    pub(super) fn see_object(&mut self) {
        self.objects += 1;
    }

    /// The member `name` of the object that was seen last; `None` if it has it already.
    pub(super) fn member(&mut self, name: &str) -> Option<&mut Guess> {
        let Members { list, index } = &mut self.members;
        let at = match index.get(name) {
            Some(at) => *at,
            None => {
                index.insert(name.to_owned(), list.len());
                list.push(Member { name: name.to_owned(), guess: Guess::default(), count: 0, last: 0 });
                list.len() - 1
            }
        };
        let member = &mut list[at];
        if member.last == self.objects {
            return None;
        }
        member.last = self.objects;
        member.count += 1;
        Some(&mut member.guess)
    }

    /// Takes into account what another column saw.
    fn merge(&mut self, other: &Guess) {
        self.booleans |= other.booleans;
        self.integers |= other.integers;
        self.fractions |= other.fractions;
        self.dates |= other.dates;
        self.timestamps |= other.timestamps;
        self.texts |= other.texts;
        self.lists |= other.lists;
        self.too_deep |= other.too_deep;
        if let Some(element) = &other.element {
            self.element.get_or_insert_default().merge(element);
        }
        for member in &other.members.list {
            // Objects of another column are others: the member is a new one of each.
            self.objects += 1;
            if let Some(guess) = self.member(&member.name) {
                guess.merge(&member.guess);
            }
            let at = self.members.index[&member.name];
            self.members.list[at].count += member.count - 1;
            self.objects -= 1;
            self.members.list[at].last = 0;
        }
        self.objects += other.objects;
    }

    /// The kinds of values seen.
    fn kinds(&self) -> Vec<&'static str> {
        let kinds = [
            (self.booleans, "booleans"),
            (self.integers || self.fractions, "numbers"),
            (self.dates || self.timestamps || self.texts, "strings"),
            (self.objects > 0, "objects"),
            (self.lists, "arrays"),
        ];
        kinds.into_iter().filter(|(seen, _)| *seen).map(|(_, kind)| kind).collect()
    }

    /// The members of the objects seen as fields; `path` is theirs.
    pub(super) fn fields(&self, path: &str, report: &mut Report<'_>) -> Vec<FieldRef> {
        let fields = self.members.list.iter().map(|member| {
            let path = if path.is_empty() { member.name.clone() } else { format!("{path}.{}", member.name) };
            Arc::new(Field::new(&member.name, member.guess.data_type(&path, report), true))
        });
        fields.collect()
    }

    /// The type of the column at `path`.
    fn data_type(&self, path: &str, report: &mut Report<'_>) -> DataType {
        let place = report.rules.len();
        let (data_type, rule) = self.choose(path, report);
        match &rule {
            Rule::Unknown => report.unknown.push(path.to_owned()),
            Rule::Mixed(_) | Rule::Map { .. } | Rule::TooDeep => report.notes.push(format!("column {path}: {rule}")),
            Rule::Booleans
            | Rule::Integers
            | Rule::Numbers
            | Rule::Dates
            | Rule::Timestamps
            | Rule::Strings
            | Rule::Objects
            | Rule::Lists => {}
        }
        report.rules.insert(place, (path.to_owned(), rule));
        data_type
    }

    fn choose(&self, path: &str, report: &mut Report<'_>) -> (DataType, Rule) {
        let kinds = self.kinds();
        if self.too_deep {
            return (DataType::Utf8View, Rule::TooDeep);
        }
        match kinds[..] {
            [] => (DataType::Utf8View, Rule::Unknown),
            ["booleans"] => (DataType::Boolean, Rule::Booleans),
            ["numbers"] if self.fractions => (DataType::Float64, Rule::Numbers),
            ["numbers"] => (DataType::Int64, Rule::Integers),
            ["strings"] => self.strings(report.options.formatted_with_time(path)),
            ["objects"] if self.members.list.is_empty() => (DataType::Utf8View, Rule::Unknown),
            ["objects"] if self.is_map() => self.map(path, report),
            ["objects"] => (DataType::Struct(self.fields(path, report).into()), Rule::Objects),
            ["arrays"] => self.list(path, report),
            _ => (DataType::Utf8View, Rule::Mixed(kinds)),
        }
    }

    /// The type of strings; `has_time`: a format says that they are dates, and whether with a time.
    fn strings(&self, has_time: Option<bool>) -> (DataType, Rule) {
        match has_time {
            None if self.texts => (DataType::Utf8View, Rule::Strings),
            None if self.timestamps => self.strings(Some(true)),
            Some(true) => (DataType::Timestamp(TimeUnit::Microsecond, None), Rule::Timestamps),
            None | Some(false) => (DataType::Date32, Rule::Dates),
        }
    }

    fn is_map(&self) -> bool {
        let keys = self.members.list.len();
        let occurrences: u64 = self.members.list.iter().map(|member| member.count).sum();
        keys > MANY_KEYS && occurrences * RARITY < keys as u64 * self.objects
    }

    fn map(&self, path: &str, report: &mut Report<'_>) -> (DataType, Rule) {
        let mut merged = Guess::default();
        for member in &self.members.list {
            merged.merge(&member.guess);
        }
        let value = merged.data_type(&format!("{path}.*"), report);
        let entries = vec![Field::new("keys", DataType::Utf8, false), Field::new("values", value, true)];
        let entries = Field::new("entries", DataType::Struct(entries.into()), false);
        let rule = Rule::Map { keys: self.members.list.len(), objects: self.objects };
        (DataType::Map(Arc::new(entries), false), rule)
    }

    fn list(&self, path: &str, report: &mut Report<'_>) -> (DataType, Rule) {
        let Some(element) = self.element.as_ref().filter(|element| !element.is_unknown()) else {
            return (DataType::Utf8View, Rule::Unknown);
        };
        let data_type = element.data_type(&format!("{path}[]"), report);
        (DataType::List(Arc::new(Field::new("item", data_type, true))), Rule::Lists)
    }

    fn is_unknown(&self) -> bool {
        match self.kinds()[..] {
            _ if self.too_deep => false,
            [] => true,
            ["objects"] => self.members.list.is_empty(),
            ["arrays"] => self.element.as_ref().is_none_or(|element| element.is_unknown()),
            _ => false,
        }
    }
}
