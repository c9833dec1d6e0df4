//! Configuration files: a `<configuration>` of properties and includes, read into a flat list.

use std::error::Error;

use super::element::{Element, parse};

/// Finds an included file: given the including file's name and the `href`, its name and text.
pub type Loader<'a> = &'a mut dyn FnMut(&str, &str) -> Result<(String, String), Box<dyn Error + Send + Sync>>;

/// Files may include files, but not themselves.
const MAX_INCLUDE_DEPTH: usize = 16;

/// A configuration file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("read configuration {file}, line {line}")]
pub struct ConfigurationError {
    /// As the caller named it.
    pub file: String,
    /// Counts from 1.
    pub line: usize,
    /// What is wrong there.
    #[source]
    pub problem: XmlProblem,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum XmlProblem {
    /// Not well-formed.
    #[error("not well-formed XML")]
    Syntax(#[from] quick_xml::Error),
    /// An attribute is not well-formed.
    #[error("not a well-formed XML attribute")]
    Attribute(#[from] quick_xml::events::attributes::AttrError),
    /// `&name;` that XML does not define.
    #[error("entity &{name}; is unknown")]
    Entity {
        /// Its name.
        name: String,
    },
    /// The file ends inside an element.
    #[error("<{element}> is not closed")]
    Unclosed {
        /// Its name.
        element: String,
    },
    /// The root is another element.
    #[error("root element is <{found}>, must be <configuration>")]
    Root {
        /// Its name.
        found: String,
    },
    /// Something follows the root element.
    #[error("<{element}> follows the end of <configuration>")]
    Trailing {
        /// Its name.
        element: String,
    },
    /// There is no element at all.
    #[error("no <configuration> in it")]
    Empty,
    /// Elements are nested without sense.
    #[error("<{element}> is nested too deep")]
    TooDeep {
        /// The innermost.
        element: String,
    },
    /// Files include each other.
    #[error("files include each other more than {MAX_INCLUDE_DEPTH} deep")]
    IncludeDepth,
    /// An include without `href`.
    #[error("include names no file: it has no href")]
    IncludeWithoutHref,
    /// An included file cannot be had, and there is no fallback.
    #[error("include {href}")]
    Include {
        /// As written.
        href: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

/// A property as found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) is_final: bool,
    pub(super) file: String,
}

/// The properties of a file and of the files it includes, in order.
pub(super) fn read(name: &str, text: &str, include: Loader<'_>) -> Result<Vec<Found>, ConfigurationError> {
    let mut found = Vec::new();
    File { name, text, depth: 0 }.read(&mut found, include)?;
    Ok(found)
}

struct File<'a> {
    name: &'a str,
    text: &'a str,
    depth: usize,
}

impl File<'_> {
    fn read(&self, found: &mut Vec<Found>, include: Loader<'_>) -> Result<(), ConfigurationError> {
        let root = parse(self.text).map_err(|(offset, problem)| self.error(offset, problem))?;
        if root.name != "configuration" {
            return Err(self.error(root.offset, XmlProblem::Root { found: root.name }));
        }
        self.take(&root, found, include)
    }

    fn take(&self, parent: &Element, found: &mut Vec<Found>, include: Loader<'_>) -> Result<(), ConfigurationError> {
        for element in &parent.children {
            match element.name.as_str() {
                "property" => found.extend(self.property(element)),
                "include" => self.include(element, found, include)?,
                "configuration" => self.take(element, found, include)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn include(&self, element: &Element, found: &mut Vec<Found>, loader: Loader<'_>) -> Result<(), ConfigurationError> {
        let error = |problem| self.error(element.offset, problem);
        let Some(href) = element.attribute("href") else {
            return Err(error(XmlProblem::IncludeWithoutHref));
        };
        if self.depth == MAX_INCLUDE_DEPTH {
            return Err(error(XmlProblem::IncludeDepth));
        }
        let fallback = element.children.iter().find(|child| child.name == "fallback");
        match (loader(self.name, href), fallback) {
            (Ok((name, text)), _) => File { name: &name, text: &text, depth: self.depth + 1 }.read(found, loader),
            (Err(_), Some(fallback)) => self.take(fallback, found, loader),
            (Err(source), None) => Err(error(XmlProblem::Include { href: href.to_owned(), source })),
        }
    }

    /// Name and value as elements or as attributes. A property without a name or a value sets nothing, as in Hadoop.
    fn property(&self, element: &Element) -> Option<Found> {
        let part = |name: &str| {
            let child = element.children.iter().rfind(|child| child.name == name);
            child.map(|child| child.text.trim()).or_else(|| element.attribute(name).map(str::trim))
        };
        Some(Found {
            key: part("name").filter(|name| !name.is_empty())?.to_owned(),
            value: part("value")?.to_owned(),
            is_final: part("final") == Some("true"),
            file: self.name.to_owned(),
        })
    }

    fn error(&self, offset: usize, problem: XmlProblem) -> ConfigurationError {
        let before = self.text.as_bytes().iter().take(offset);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        ConfigurationError { file: self.name.to_owned(), line, problem }
    }
}
