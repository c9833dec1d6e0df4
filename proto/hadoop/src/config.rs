//! Hadoop's configuration: properties from XML files, substitution, typed values, and the addresses of servers.
//!
//! Later files win, except over values that an earlier file declared final. Every property remembers where it came
//! from, so that a message about a wrong value can say which file to edit.

mod address;
mod cluster;
pub mod defaults;
mod element;
mod substitute;
mod value;
mod xml;

use std::collections::BTreeMap;

pub use address::{AddressError, Endpoint, HostPort, NoAddress};
pub use cluster::{FileSystem, FileSystemError, ResourceManagerService};
pub use substitute::SubstitutionError;
pub use value::{DurationUnit, ValueError};
pub use xml::{ConfigurationError, Loader, XmlProblem};

/// Old names that administrators still use, with today's.
const RENAMED: [(&str, &str); 2] =
    [("fs.default.name", "fs.defaultFS"), ("dfs.federation.nameservices", "dfs.nameservices")];

/// Where shipped values came from, for messages in a container.
const SHIPPED: &str = "the configuration of the submitting client";

/// A set of properties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    properties: BTreeMap<String, Property>,
    environment: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Property {
    value: String,
    source: String,
    is_final: bool,
}

impl Configuration {
    /// No properties. `environment` serves `${env.NAME}` in values, and `${user.name}` and `${user.home}` through its
    /// `USER` and `HOME`.
    pub fn with_environment(environment: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { properties: BTreeMap::new(), environment: environment.into_iter().collect() }
    }

    /// Properties that [`Configuration::to_map`] gave out elsewhere.
    pub fn from_map(map: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut configuration = Self::default();
        for (key, value) in map {
            configuration.set(&key, &value, SHIPPED);
        }
        configuration
    }

    /// Adds the properties of one file. `name` is for messages; `include` serves its `<xi:include>` elements.
    pub fn add_file(&mut self, name: &str, text: &str, include: Loader<'_>) -> Result<(), ConfigurationError> {
        for found in xml::read(name, text, include)? {
            self.insert(&found.key, Property { value: found.value, source: found.file, is_final: found.is_final });
        }
        Ok(())
    }

    /// Sets a property, over finals too; `source` says on whose behalf, such as `--conf`.
    pub fn set(&mut self, key: &str, value: &str, source: &str) {
        let property = Property { value: value.trim().to_owned(), source: source.to_owned(), is_final: false };
        self.properties.insert(current_name(key).to_owned(), property);
    }

    /// A value after substitution. A reference that resolves to nothing stays as it is; see
    /// [`Configuration::try_get`] for values that refer to themselves.
    pub fn get(&self, key: &str) -> Option<String> {
        let raw = self.raw(key)?;
        Some(self.try_get(key).ok().flatten().unwrap_or_else(|| raw.to_owned()))
    }

    /// A value after substitution, or why it cannot be substituted.
    pub fn try_get(&self, key: &str) -> Result<Option<String>, SubstitutionError> {
        let Some(raw) = self.raw(key) else { return Ok(None) };
        substitute::expand(self, key, raw).map(|value| Some(value.trim().to_owned()))
    }

    /// The file that a property came from, or who set it.
    pub fn source(&self, key: &str) -> Option<&str> {
        self.properties.get(current_name(key)).map(|property| property.source.as_str())
    }

    /// The keys that are set, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.properties.keys().map(String::as_str)
    }

    /// True when nothing is set.
    pub fn is_empty(&self) -> bool {
        self.properties.is_empty()
    }

    /// Every property after substitution, to ship to where these files and this environment are not.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        self.properties.keys().filter_map(|key| Some((key.clone(), self.get(key)?))).collect()
    }

    fn raw(&self, key: &str) -> Option<&str> {
        self.properties.get(current_name(key)).map(|property| property.value.as_str())
    }

    fn environment(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str)
    }

    fn insert(&mut self, key: &str, property: Property) {
        let key = current_name(key);
        let blocked = self.properties.get(key).is_some_and(|old| old.is_final);
        if !blocked {
            self.properties.insert(key.to_owned(), property);
        }
    }
}

fn current_name(key: &str) -> &str {
    RENAMED.iter().find(|(old, _)| *old == key).map_or(key, |(_, new)| new)
}
