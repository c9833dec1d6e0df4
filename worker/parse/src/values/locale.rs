//! Numbers as other countries write them: `1.234,5`.

/// The bytes that structure a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Locale {
    /// Between the whole and the fraction.
    pub decimal: u8,
    /// Between groups of three digits of the whole; a number may do without any.
    pub thousands: Option<u8>,
}

impl Locale {
    /// The number with a point and without groups, in `plain`; false if it is not written that way. Groups must be whole,
    /// so that `1,5` is not fifteen where a comma groups.
    pub(crate) fn rewrite(self, text: &[u8], plain: &mut Vec<u8>) -> bool {
        plain.clear();
        let point = memchr::memchr(self.decimal, text);
        let (whole, fraction) = text.split_at(point.unwrap_or(text.len()));
        let is_foreign = |byte: &u8| (*byte == b'.' && self.decimal != b'.') || Some(*byte) == self.thousands;
        if !self.push_whole(whole, plain) || fraction.iter().skip(1).any(is_foreign) {
            return false;
        }
        if let [_, digits @ ..] = fraction {
            plain.push(b'.');
            plain.extend_from_slice(digits);
        }
        true
    }

    fn push_whole(self, whole: &[u8], plain: &mut Vec<u8>) -> bool {
        let Some(thousands) = self.thousands.filter(|byte| memchr::memchr(*byte, whole).is_some()) else {
            plain.extend_from_slice(whole);
            return !(self.decimal != b'.' && whole.contains(&b'.'));
        };
        let signs = usize::from(matches!(whole, [b'+' | b'-', ..]));
        plain.extend_from_slice(&whole[..signs]);
        for (index, group) in whole[signs..].split(|byte| *byte == thousands).enumerate() {
            let has_length = if index == 0 { (1..=3).contains(&group.len()) } else { group.len() == 3 };
            if !has_length || !group.iter().all(u8::is_ascii_digit) {
                return false;
            }
            plain.extend_from_slice(group);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(locale: Locale, text: &str, expected: Option<&str>) {
        let mut plain = b"left over".to_vec();
        let is_number = locale.rewrite(text.as_bytes(), &mut plain);
        assert_eq!(is_number.then_some(plain.as_slice()), expected.map(str::as_bytes), "{text:?}");
    }

    #[test]
    fn commas_and_groups() {
        let german = Locale { decimal: b',', thousands: Some(b'.') };
        check(german, "1.234.567,5", Some("1234567.5"));
        check(german, "-12,25", Some("-12.25"));
        check(german, "1234", Some("1234"));
        check(german, "1e5", Some("1e5"));
        check(german, ",5", Some(".5"));
        for text in ["1.5", "12.34,5", "1234.567", "1..234", ".123", "1,5.0", "1,234.5", "1.23", "-.123"] {
            check(german, text, None);
        }
        check(german, "1,5,6", Some("1.5,6"));
    }

    #[test]
    fn groups_only() {
        let english = Locale { decimal: b'.', thousands: Some(b',') };
        check(english, "1,234.5", Some("1234.5"));
        check(english, "+1,234", Some("+1234"));
        check(english, "1,5", None);
        check(english, "1.234,567", None);
    }

    #[test]
    fn comma_only() {
        let french = Locale { decimal: b',', thousands: None };
        check(french, "1,5", Some("1.5"));
        check(french, "1.5", None);
    }
}
