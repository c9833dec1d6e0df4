//! Ways of reading values that options ask for: slower than the usual ones, and no part of them.

use std::cell::RefCell;
use std::marker::PhantomData;

use arrow::array::types::Decimal128Type;

use super::primitive::{Native, Parse};
use crate::values::{Decimal, Format, Locale, Moment};

/// Decimals of a fixed number of digits.
pub(super) struct Decimals(pub Decimal);

impl Parse for Decimals {
    type Arrow = Decimal128Type;

    fn sql(&self) -> &'static str {
        "DECIMAL"
    }

    #[inline]
    fn parse(&self, tail: &[u8], len: usize) -> Option<i128> {
        self.0.parse(&tail[..len])
    }
}

/// Numbers in another way of writing.
pub(super) struct Localized<P> {
    inner: P,
    locale: Locale,
    plain: RefCell<Vec<u8>>,
}

impl<P> Localized<P> {
    pub(super) fn new(inner: P, locale: Locale) -> Self {
        Localized { inner, locale, plain: RefCell::default() }
    }
}

impl<P: Parse> Parse for Localized<P> {
    type Arrow = P::Arrow;

    fn sql(&self) -> &'static str {
        self.inner.sql()
    }

    fn parse(&self, tail: &[u8], len: usize) -> Option<Native<Self>> {
        let plain = &mut *self.plain.borrow_mut();
        if self.locale.rewrite(&tail[..len], plain) { self.inner.parse(plain, plain.len()) } else { None }
    }
}

/// Dates and timestamps in a format.
pub(super) struct Formatted<K> {
    format: Format,
    kind: PhantomData<fn() -> K>,
}

impl<K> Formatted<K> {
    pub(super) fn new(format: Format) -> Self {
        Formatted { format, kind: PhantomData }
    }
}

impl<K: Moment> Parse for Formatted<K> {
    type Arrow = K::Arrow;

    fn sql(&self) -> &'static str {
        K::SQL
    }

    fn parse(&self, tail: &[u8], len: usize) -> Option<Native<Self>> {
        K::parse_as(&self.format, &tail[..len])
    }

    fn takes_marks(&self) -> bool {
        true
    }
}
