//! XML as a tree of elements: as much of it as configuration files need.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::xml::XmlProblem;

/// Elements may be nested, but nobody does.
const MAX_DEPTH: usize = 32;

/// One element.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// Without its prefix: `include` for `xi:include`.
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    /// Its own text, without that of its children.
    pub(super) text: String,
    /// Where it begins, in bytes.
    pub(super) offset: usize,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What is wrong, and where, in bytes.
pub(super) type Located<T> = Result<T, (usize, XmlProblem)>;

/// The root element.
pub(super) fn parse(text: &str) -> Located<Element> {
    let mut reader = Reader::from_str(text);
    let mut open = vec![Element::default()];
    loop {
        let offset = reader.buffer_position() as usize;
        let event = reader.read_event().map_err(|error| (reader.error_position() as usize, error.into()))?;
        if matches!(event, Event::Eof) {
            return root(open, offset);
        }
        take(&mut open, event, offset).map_err(|problem| (offset, problem))?;
    }
}

fn take(open: &mut Vec<Element>, event: Event<'_>, offset: usize) -> Result<(), XmlProblem> {
    match event {
        Event::Start(start) if open.len() > MAX_DEPTH => Err(XmlProblem::TooDeep { element: local(&start) }),
        Event::Start(start) => {
            open.push(element(&start, offset)?);
            Ok(())
        }
        Event::Empty(start) => {
            let element = element(&start, offset)?;
            innermost(open).children.push(element);
            Ok(())
        }
        Event::End(_) => {
            close(open);
            Ok(())
        }
        Event::Text(text) => add_text(open, &text.xml10_content()),
        Event::CData(text) => add_text(open, &text.xml10_content()),
        Event::GeneralRef(reference) => add_text(open, &resolve(&reference)?),
        Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Eof => Ok(()),
    }
}

/// The reader has checked that each end has its start: the document itself, at the bottom, is never closed.
fn close(open: &mut Vec<Element>) {
    if open.len() > 1
        && let Some(closed) = open.pop()
    {
        innermost(open).children.push(closed);
    }
}

fn innermost(open: &mut [Element]) -> &mut Element {
    open.last_mut().expect("the document itself is never closed")
}

fn add_text(open: &mut [Element], text: &str) -> Result<(), XmlProblem> {
    innermost(open).text.push_str(text);
    Ok(())
}

fn element(start: &BytesStart<'_>, offset: usize) -> Result<Element, XmlProblem> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute?;
        let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0)?;
        attributes.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
    }
    Ok(Element { name: local(start), attributes, offset, ..Element::default() })
}

fn local(start: &BytesStart<'_>) -> String {
    start.local_name().as_ref().to_owned()
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, XmlProblem> {
    if let Some(character) = reference.resolve_char_ref()? {
        return Ok(character.to_string());
    }
    match resolve_predefined_entity(reference) {
        Some(text) => Ok(text.to_owned()),
        None => Err(XmlProblem::Entity { name: reference.to_string() }),
    }
}

fn root(mut open: Vec<Element>, offset: usize) -> Located<Element> {
    if open.len() > 1
        && let Some(unclosed) = open.pop()
    {
        return Err((unclosed.offset, XmlProblem::Unclosed { element: unclosed.name }));
    }
    let mut roots = open.pop().unwrap_or_default().children.into_iter();
    let root = roots.next().ok_or((offset, XmlProblem::Empty))?;
    match roots.next() {
        Some(second) => Err((second.offset, XmlProblem::Trailing { element: second.name })),
        None => Ok(root),
    }
}
