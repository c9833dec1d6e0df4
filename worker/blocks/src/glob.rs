//! Patterns of paths: `*`, `?`, `[a-z]`, `[^a-z]`, `{one,two}`, and a backslash before a character that means itself.
//! No wildcard fits a slash.

/// Most plain patterns that the braces of one pattern may stand for.
const MOST_ALTERNATIVES: usize = 1000;

/// What is wrong with a pattern.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GlobError {
    #[error("a bracket is not closed")]
    OpenBracket,
    #[error("a brace is not closed")]
    OpenBrace,
    #[error("a range in brackets runs backwards")]
    BackwardRange,
    #[error("its braces stand for more than {MOST_ALTERNATIVES} names")]
    TooManyAlternatives,
}

/// One name of a path in a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NamePattern {
    /// Exactly this name.
    Literal(String),
    /// Whatever these fit.
    Wild(Vec<Piece>),
}

/// What fits a part of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Exactly(char),
    AnyOne,
    AnyNumber,
    OneOf { ranges: Vec<(char, char)>, negated: bool },
}

/// True when the text has a character that makes it a pattern.
pub(crate) fn is_pattern(text: &str) -> bool {
    let mut escaped = false;
    text.chars().any(|letter| {
        let special = !escaped && matches!(letter, '*' | '?' | '[' | '{');
        escaped = !escaped && letter == '\\';
        special
    })
}

/// The names of a path.
pub(crate) fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty())
}

/// How many names of a path come before the first that is a pattern. Braces may hold slashes, but they begin there.
pub(crate) fn fixed_names(path: &str) -> usize {
    names(path).take_while(|name| !is_pattern(name)).count()
}

/// The pattern's names, once for each way to choose among its braces.
pub(crate) fn parse(pattern: &str) -> Result<Vec<Vec<NamePattern>>, GlobError> {
    let mut paths = Vec::new();
    for plain in without_braces(pattern)? {
        paths.push(names(&plain).map(parse_name).collect::<Result<Vec<_>, _>>()?);
    }
    Ok(paths)
}

/// The patterns that result from choosing one alternative in each pair of braces.
fn without_braces(pattern: &str) -> Result<Vec<String>, GlobError> {
    let mut waiting = vec![pattern.to_owned()];
    let mut done = Vec::new();
    while let Some(pattern) = waiting.pop() {
        if waiting.len() + done.len() >= MOST_ALTERNATIVES {
            return Err(GlobError::TooManyAlternatives);
        }
        match first_braces(&pattern)? {
            None => done.push(pattern),
            Some(Braces { open, close, commas }) => {
                let ends = commas.iter().copied().chain([close]);
                let mut start = open + 1;
                for end in ends {
                    waiting.push(format!("{}{}{}", &pattern[..open], &pattern[start..end], &pattern[close + 1..]));
                    start = end + 1;
                }
            }
        }
    }
    Ok(done)
}

/// Where a pair of braces and the commas directly inside it are.
struct Braces {
    open: usize,
    close: usize,
    commas: Vec<usize>,
}

fn first_braces(pattern: &str) -> Result<Option<Braces>, GlobError> {
    let (mut open, mut depth, mut commas, mut escaped) = (None, 0, Vec::new(), false);
    for (at, letter) in pattern.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => {
                depth += 1;
                open.get_or_insert(at);
            }
            ',' if depth == 1 => commas.push(at),
            '}' if depth > 0 => {
                depth -= 1;
                if let (0, Some(open)) = (depth, open) {
                    return Ok(Some(Braces { open, close: at, commas }));
                }
            }
            _ => {}
        }
    }
    if open.is_some() { Err(GlobError::OpenBrace) } else { Ok(None) }
}

fn parse_name(name: &str) -> Result<NamePattern, GlobError> {
    let mut pieces = Vec::new();
    let mut letters = name.chars();
    while let Some(letter) = letters.next() {
        pieces.push(match letter {
            '\\' => Piece::Exactly(letters.next().unwrap_or('\\')),
            '?' => Piece::AnyOne,
            '*' => Piece::AnyNumber,
            '[' => parse_class(&mut letters)?,
            other => Piece::Exactly(other),
        });
    }
    let literal = pieces.iter().map(|piece| match piece {
        Piece::Exactly(letter) => Some(*letter),
        Piece::AnyOne | Piece::AnyNumber | Piece::OneOf { .. } => None,
    });
    match literal.collect::<Option<String>>() {
        Some(literal) => Ok(NamePattern::Literal(literal)),
        None => Ok(NamePattern::Wild(pieces)),
    }
}

/// The rest of a class, behind its opening bracket. A bracket or a caret right at its begin is a member or a negation.
fn parse_class(letters: &mut std::str::Chars<'_>) -> Result<Piece, GlobError> {
    let mut next = letters.next().ok_or(GlobError::OpenBracket)?;
    let negated = matches!(next, '^' | '!');
    if negated {
        next = letters.next().ok_or(GlobError::OpenBracket)?;
    }
    let mut ranges = Vec::new();
    loop {
        if next == '\\' {
            next = letters.next().ok_or(GlobError::OpenBracket)?;
        }
        let mut after = letters.next().ok_or(GlobError::OpenBracket)?;
        if after == '-' && !letters.as_str().starts_with(']') {
            let last = letters.next().ok_or(GlobError::OpenBracket)?;
            if last < next {
                return Err(GlobError::BackwardRange);
            }
            ranges.push((next, last));
            after = letters.next().ok_or(GlobError::OpenBracket)?;
        } else {
            ranges.push((next, next));
        }
        if after == ']' {
            return Ok(Piece::OneOf { ranges, negated });
        }
        next = after;
    }
}

impl NamePattern {
    /// True when the name fits. Hidden names (`_` or `.` in front) fit only a pattern that begins with the same character.
    pub(crate) fn fits(&self, name: &str) -> bool {
        match self {
            NamePattern::Literal(literal) => literal == name,
            NamePattern::Wild(pieces) => {
                let first = name.chars().next();
                let hidden = matches!(first, Some('_' | '.'));
                let named = matches!((pieces.first(), first), (Some(Piece::Exactly(a)), Some(b)) if *a == b);
                (!hidden || named) && fits(pieces, name)
            }
        }
    }
}

/// Matches from left to right; on a mismatch, the last star takes one character more.
fn fits(pieces: &[Piece], name: &str) -> bool {
    let letters: Vec<char> = name.chars().collect();
    let (mut piece, mut letter) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while letter < letters.len() {
        match pieces.get(piece) {
            Some(Piece::AnyNumber) => {
                star = Some((piece, letter));
                piece += 1;
                continue;
            }
            Some(one) if one.fits_one(letters[letter]) => {
                piece += 1;
                letter += 1;
                continue;
            }
            Some(_) | None => {}
        }
        let Some((star_piece, star_letter)) = star else { return false };
        star = Some((star_piece, star_letter + 1));
        piece = star_piece + 1;
        letter = star_letter + 1;
    }
    pieces[piece..].iter().all(|piece| *piece == Piece::AnyNumber)
}

impl Piece {
    fn fits_one(&self, letter: char) -> bool {
        match self {
            Piece::Exactly(exactly) => *exactly == letter,
            Piece::AnyOne => true,
            Piece::AnyNumber => false,
            Piece::OneOf { ranges, negated } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&letter)) != *negated
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, fitting: &[&str], not: &[&str]) {
        let fits = |path: &str| {
            let names: Vec<&str> = path.split('/').collect();
            parse(pattern).unwrap().iter().any(|patterns| {
                patterns.len() == names.len() && patterns.iter().zip(&names).all(|(pattern, name)| pattern.fits(name))
            })
        };
        for name in fitting {
            assert!(fits(name), "{pattern} should fit {name}");
        }
        for name in not {
            assert!(!fits(name), "{pattern} should not fit {name}");
        }
    }

    #[test]
    fn wildcards() {
        check("*.csv", &["a.csv", "ü.csv"], &["a.csv.gz", ".a.csv", "_a.csv", "d/a.csv"]);
        check("a?c", &["abc", "aüc"], &["ac", "abbc"]);
        check("*a*b*", &["ab", "xaxbx", "aab", "bab"], &["ba", "b"]);
        check("[a-c]x", &["ax", "cx"], &["dx", "x"]);
        check("[^a-c]x", &["dx"], &["ax"]);
        check("[!a]x", &["bx"], &["ax"]);
        check("[]]x", &["]x"], &["x"]);
        check("[a-]x", &["ax", "-x"], &["bx"]);
        check("_*", &["_SUCCESS"], &[".x", "x"]);
        check(r"\*x", &["*x"], &["ax"]);
    }

    #[test]
    fn braces() {
        check("{a,b}.csv", &["a.csv", "b.csv"], &["c.csv", "{a,b}.csv"]);
        check("x{,1,2{3,4}}", &["x", "x1", "x23", "x24"], &["x2"]);
        check("{a/b,c}/*", &["a/b/d", "c/d"], &["a/d"]);
    }

    #[test]
    fn what_is_a_pattern() {
        for pattern in ["*", "a?", "[a]", "{a,b}"] {
            assert!(is_pattern(pattern));
        }
        for name in ["a", r"\*", r"a\[b"] {
            assert!(!is_pattern(name));
        }
    }

    #[test]
    fn names_before_a_pattern() {
        assert_eq!(fixed_names("/a/b"), 2);
        assert_eq!(fixed_names("/a//b/y=*/c"), 2);
        assert_eq!(fixed_names(r"/a/\*/{b/c,d}/e"), 2);
    }

    #[test]
    fn bad_patterns() {
        assert_eq!(parse("[a"), Err(GlobError::OpenBracket));
        assert_eq!(parse("[z-a]"), Err(GlobError::BackwardRange));
        assert_eq!(parse("{a,b"), Err(GlobError::OpenBrace));
        assert_eq!(parse(&"{a,b}".repeat(20)), Err(GlobError::TooManyAlternatives));
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(pattern in r"[ab*?\[\]{},\\/!^-]{0,12}", name in "[ab]{0,8}") {
            if let Ok(paths) = parse(&pattern) {
                for pattern in paths.iter().flatten() {
                    let _ = pattern.fits(&name);
                }
            }
        }
    }
}
