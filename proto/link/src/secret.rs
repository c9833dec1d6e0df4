//! The application's secret.

use std::fmt;

/// 32 random bytes that every part of one application knows. Compared in constant time, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// A new secret from the operating system's random numbers.
    ///
    /// # Panics
    /// When the operating system has no random numbers; nothing can be secured then.
    pub fn generate() -> Self {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the operating system provides random numbers");
        Secret(bytes)
    }

    /// The secret in a message or a credentials file; `None` when it has another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Secret)
    }

    /// The bytes, to put them into credentials or a first frame.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `other` is this secret; takes the same time wherever they differ.
    pub fn matches(&self, other: &[u8]) -> bool {
        let differing = self.0.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b));
        other.len() == self.0.len() && std::hint::black_box(differing) == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_secret_matches() {
        let secret = Secret::generate();
        assert!(secret.matches(secret.as_bytes()));
        assert!(!secret.matches(&secret.as_bytes()[..31]));
        assert!(!secret.matches(&[]));
        let mut other = *secret.as_bytes();
        other[31] ^= 1;
        assert!(!secret.matches(&other));
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }
}
