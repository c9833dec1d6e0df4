//! The names of the hosts that a graph's tasks name, each once: tasks name them by number.

use std::collections::HashMap;

/// The names, in the order in which they were numbered.
#[derive(Clone, Debug, Default)]
pub struct HostNames {
    names: Vec<String>,
    /// Looked up, never iterated.
    numbers: HashMap<String, u32>,
}

impl HostNames {
    /// The number of this name or address, a new one if need be. Two names of one host have two numbers.
    pub fn number(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// The name of this number, if it was given.
    pub fn name(&self, number: u32) -> Option<&str> {
        self.names.get(number as usize).map(String::as_str)
    }

    /// The names by their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}

impl PartialEq for HostNames {
    fn eq(&self, other: &HostNames) -> bool {
        self.names == other.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_number() {
        let mut hosts = HostNames::default();
        assert_eq!([hosts.number("w1"), hosts.number("w2"), hosts.number("w1")], [0, 1, 0]);
        assert_eq!((hosts.name(1), hosts.name(2)), (Some("w2"), None));
        assert_eq!(hosts.iter().collect::<Vec<_>>(), ["w1", "w2"]);
    }
}
