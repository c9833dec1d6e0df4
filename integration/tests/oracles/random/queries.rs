//! Queries by a seed: a join or none, conditions, groups with aggregates or plain columns, an order and a limit.

use integration::data::Random;

use super::tables::{COLUMNS, TABLES, WORDS};

/// One query, with `{a}` and `{b}` for the tables.
pub struct Query {
    pub sql: String,
    /// Whether it orders its answer completely.
    pub ordered: bool,
}

/// A column that a query can use: its name and its SQL type.
type Column = (String, &'static str);

struct Draft {
    random: Random,
    columns: Vec<Column>,
    from: String,
}

impl Query {
    pub fn draw(seed: u64) -> Query {
        let mut draft = Draft::new(Random::new(seed * 7 + 3));
        let condition = draft.conditions();
        let (select, rest) = if draft.random.below(5) < 3 { draft.groups() } else { draft.plain() };
        let mut sql = format!("SELECT {} FROM {}{condition}{rest}", select.join(", "), draft.from);
        if draft.random.once_in(8) {
            sql = format!("{sql} UNION ALL {sql}");
            return Query { sql, ordered: false };
        }
        let ordered = draft.random.once_in(2);
        if ordered {
            sql += &draft.order(select.len());
        }
        Query { sql, ordered }
    }
}

impl Draft {
    fn new(mut random: Random) -> Draft {
        let of = |letter: &str| COLUMNS.map(|(name, kind)| (format!("{letter}{name}"), kind)).to_vec();
        let [(a, _), (b, _)] = TABLES;
        let kind =
            random.one_of(&["", "", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "IN", "EXISTS", "NOT EXISTS"]);
        let mut columns = of(a);
        let from = match kind {
            "" => format!("{{{a}}}"),
            "IN" => format!("(SELECT * FROM {{{a}}} WHERE ak IN (SELECT bk FROM {{{b}}} WHERE bn > 0)) q"),
            "EXISTS" | "NOT EXISTS" => {
                format!("(SELECT * FROM {{{a}}} WHERE {kind} (SELECT 1 FROM {{{b}}} WHERE bk = ak AND bw = aw)) q")
            }
            join => {
                columns.extend(of(b));
                let more = random.one_of(&["", " AND an < bn", " AND aw = bw"]);
                format!("{{{a}}} {join} {{{b}}} ON ak = bk{more}")
            }
        };
        Draft { random, columns, from }
    }

    fn column(&mut self, kinds: &[&str]) -> Column {
        let fitting: Vec<Column> = self.columns.iter().filter(|(_, kind)| kinds.contains(kind)).cloned().collect();
        let index = self.random.below(fitting.len() as u64) as usize;
        let (name, kind) = fitting[index].clone();
        (name, kind)
    }

    fn any_column(&mut self) -> Column {
        self.column(&["BIGINT", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP"])
    }

    fn conditions(&mut self) -> String {
        let parts: Vec<String> = (0..self.random.below(3)).map(|_| self.condition()).collect();
        if parts.is_empty() {
            return String::new();
        }
        let word = self.random.one_of(&[" AND ", " OR "]);
        format!(" WHERE {}", parts.join(word))
    }

    fn condition(&mut self) -> String {
        let (name, kind) = self.any_column();
        let sign = self.random.one_of(&["<", "<=", ">", ">=", "<>", "="]);
        let plain = match kind {
            "BIGINT" => format!("{name} {sign} {}", self.random.between(-10, 25)),
            "DOUBLE" => format!("{name} {sign} {}", self.random.between(-100, 100) as f64 / 4.0),
            "DATE" | "TIMESTAMP" => format!("{name} {sign} DATE '2020-{:02}-15'", self.random.between(1, 12)),
            _ => match self.random.below(3) {
                0 => format!("{name} LIKE '%{}%'", self.random.one_of(&["a", "e", "o", " "])),
                1 => format!("length({name}) {sign} {}", self.random.between(0, 6)),
                _ => format!("{name} {sign} '{}'", self.random.one_of(&WORDS)),
            },
        };
        match self.random.below(6) {
            0 => format!("{name} IS NOT NULL"),
            1 => format!("({plain} OR {name} IS NULL)"),
            2 => format!("NOT ({plain})"),
            _ => plain,
        }
    }

    /// Keys and aggregates; and what follows the conditions.
    fn groups(&mut self) -> (Vec<String>, String) {
        let keys: Vec<String> = (0..self.random.below(3)).map(|_| self.key()).collect();
        let mut select: Vec<String> = keys.iter().enumerate().map(|(at, key)| format!("{key} AS g{at}")).collect();
        for at in 0..=self.random.below(3) {
            select.push(format!("{} AS a{at}", self.aggregate()));
        }
        if keys.is_empty() {
            return (select, String::new());
        }
        let numbers: Vec<String> = (1..=keys.len()).map(|number| number.to_string()).collect();
        let having = if self.random.once_in(4) { " HAVING count(*) > 2" } else { "" };
        (select, format!(" GROUP BY {}{having}", numbers.join(", ")))
    }

    fn key(&mut self) -> String {
        let (name, kind) = self.any_column();
        match kind {
            "DOUBLE" => format!("floor({name})"),
            "TIMESTAMP" => format!("CAST({name} AS DATE)"),
            "VARCHAR" if self.random.once_in(3) => format!("upper({name})"),
            _ => name,
        }
    }

    fn aggregate(&mut self) -> String {
        let (number, _) = self.column(&["BIGINT", "DOUBLE"]);
        let (any, _) = self.any_column();
        match self.random.below(9) {
            0 => "count(*)".to_owned(),
            1 => format!("count({any})"),
            2 => format!("count(DISTINCT {any})"),
            3 => format!("sum({number})"),
            4 => format!("avg({number})"),
            5 => format!("min({any})"),
            6 => format!("max({any})"),
            7 => format!("count(*) FILTER (WHERE {})", self.condition()),
            _ => format!("sum(CASE WHEN {} THEN 1 ELSE 0 END)", self.condition()),
        }
    }

    /// Plain columns and expressions; and what follows the conditions.
    fn plain(&mut self) -> (Vec<String>, String) {
        let count = 1 + self.random.below(4);
        // A row of one missing text prints like one of an empty text.
        let mut select = vec![format!("{} AS c0", self.column(&["BIGINT"]).0)];
        for at in 1..=count {
            select.push(format!("{} AS c{at}", self.expression()));
        }
        if self.random.once_in(4) {
            select[0] = format!("DISTINCT {}", select[0]);
        }
        (select, String::new())
    }

    fn expression(&mut self) -> String {
        let (number, _) = self.column(&["BIGINT", "DOUBLE"]);
        let (text, _) = self.column(&["VARCHAR"]);
        match self.random.below(7) {
            0 => format!("{number} * 2 + 1"),
            1 => format!("abs({number})"),
            2 => format!("coalesce({text}, 'none')"),
            3 => format!("{text} || '-'"),
            4 => format!("CASE WHEN {} THEN 'yes' ELSE 'no' END", self.condition()),
            _ => self.any_column().0,
        }
    }

    /// An order by every column, and sometimes a limit.
    fn order(&mut self, columns: usize) -> String {
        let mut parts = Vec::new();
        for column in 1..=columns {
            let direction = self.random.one_of(&["", " DESC", " NULLS FIRST", " DESC NULLS LAST"]);
            parts.push(format!("{column}{direction}"));
        }
        let limit = match self.random.below(3) {
            0 => format!(" LIMIT {}", self.random.between(1, 40)),
            1 => format!(" LIMIT {} OFFSET {}", self.random.between(1, 40), self.random.between(0, 10)),
            _ => String::new(),
        };
        format!(" ORDER BY {}{limit}", parts.join(", "))
    }
}
