//! The functions of this executable, and what the macro's expansion is made of.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{self, Display};
use std::pin::Pin;
use std::sync::LazyLock;

use bytes::Bytes;

use super::value::{Value, ValueError};

/// One function of this executable.
pub struct Registered {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: u32,
    /// The types of its parameters and of its result.
    pub signature: fn() -> String,
    /// Calls it.
    pub call: fn(Parameters) -> CallFuture,
    /// Where it stands: file and line.
    pub place: (&'static str, u32),
}

inventory::collect!(Registered);

/// A call on its way, on one thread.
pub type CallFuture = Pin<Box<dyn Future<Output = Result<Bytes, CallFailure>>>>;

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum CallFailure {
    /// The function says so.
    #[error("{0}")]
    GaveUp(String),
    /// An argument is of another type.
    #[error("argument {number}")]
    Argument {
        /// Which, from 1.
        number: usize,
        /// What is wrong.
        #[source]
        source: ValueError,
    },
    /// There are fewer arguments than parameters, or more.
    #[error("it has {wanted} parameters, and was given {given} arguments")]
    Count {
        /// Parameters.
        wanted: usize,
        /// Arguments.
        given: usize,
    },
    /// The result cannot be written.
    #[error(transparent)]
    Result(ValueError),
}

/// An argument's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgumentBytes {
    /// Of one value.
    One(Bytes),
    /// Of each element of a list.
    List(Vec<Bytes>),
}

/// The arguments of a call, taken one by one.
pub struct Parameters {
    arguments: std::vec::IntoIter<ArgumentBytes>,
    taken: usize,
}

impl Parameters {
    /// Of these.
    pub fn new(arguments: Vec<ArgumentBytes>) -> Parameters {
        Parameters { arguments: arguments.into_iter(), taken: 0 }
    }

    /// There must be so many.
    ///
    /// # Errors
    /// When there are not.
    pub fn expect(&self, wanted: usize) -> Result<(), CallFailure> {
        let given = self.arguments.len();
        if given == wanted { Ok(()) } else { Err(CallFailure::Count { wanted, given }) }
    }

    /// The next one.
    ///
    /// # Errors
    /// When it is of another type.
    pub fn take<T: Value>(&mut self) -> Result<T, CallFailure> {
        self.taken += 1;
        let number = self.taken;
        let value = match self.arguments.next() {
            Some(ArgumentBytes::One(bytes)) => T::decode(bytes),
            Some(ArgumentBytes::List(elements)) => T::decode_list(elements),
            None => return Err(CallFailure::Count { wanted: number, given: number - 1 }),
        };
        value.map_err(|source| CallFailure::Argument { number, source })
    }
}

/// The result of a function, as bytes.
///
/// # Errors
/// When it cannot be written.
pub fn finished<T: Value>(result: &T) -> Result<Bytes, CallFailure> {
    result.encode().map_err(CallFailure::Result)
}

/// The error that a function returned. What is told of it depends on its type: the macro calls `told` on a reference, and
/// finds its own causes of an error, or else how it is displayed.
pub struct Told<'a, E: ?Sized>(pub &'a E);

impl Told<'_, Box<dyn Error>> {
    /// With all its causes.
    pub fn told(&self) -> CallFailure {
        with_causes(self.0.as_ref())
    }
}

impl Told<'_, Box<dyn Error + Send + Sync>> {
    /// With all its causes.
    pub fn told(&self) -> CallFailure {
        with_causes(self.0.as_ref())
    }
}

/// Errors.
pub trait ToldByCauses {
    /// With all its causes.
    fn told(&self) -> CallFailure;
}

impl<E: Error + 'static> ToldByCauses for Told<'_, E> {
    fn told(&self) -> CallFailure {
        with_causes(self.0)
    }
}

/// Everything else that a function may return as an error.
pub trait ToldAsDisplayed {
    /// As it is displayed; with its causes, where its type shows them so.
    fn told(&self) -> CallFailure;
}

impl<E: Display> ToldAsDisplayed for &Told<'_, E> {
    fn told(&self) -> CallFailure {
        CallFailure::GaveUp(format!("{:#}", self.0))
    }
}

fn with_causes(error: &dyn Error) -> CallFailure {
    let mut text = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| (**cause).source()) {
        let cause = cause.to_string();
        // Some say their cause themselves.
        if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    CallFailure::GaveUp(text)
}

/// Types of parameters and of a result as one text.
pub fn signature(parameters: &[&str], result: &str) -> String {
    format!("({}) -> {result}", parameters.join(", "))
}

/// All functions by their names.
#[derive(Default)]
pub struct Registry(BTreeMap<&'static str, Vec<&'static Registered>>);

/// What is called by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callable {
    /// What tasks are calls of.
    Function,
    /// What actors have.
    Method,
}

impl Callable {
    /// The attribute that registers it.
    fn attribute(self) -> &'static str {
        match self {
            Callable::Function => "bobbin::task",
            Callable::Method => "bobbin::method",
        }
    }
}

impl fmt::Display for Callable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Callable::Function => "function",
            Callable::Method => "method",
        })
    }
}

/// Why something cannot be called by its name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoFunction {
    /// There is none of this name.
    #[error(
        "{what} '{name}' is not registered in this program: mark it with #[{}], and let the workers be of the program that has it \
         (--bin); it has {known}",
        what.attribute()
    )]
    Unknown {
        /// What was to be called.
        what: Callable,
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// There are several.
    #[error(
        "{what} '{name}' is registered twice in this program, {first} and {second}: give one of them another name with \
         #[{}(name = \"…\")]", what.attribute()
    )]
    Twice {
        /// What was to be called.
        what: Callable,
        /// The name.
        name: String,
        /// Where the one stands.
        first: String,
        /// Where the other stands.
        second: String,
    },
}

impl Registry {
    /// Those of this executable.
    pub fn of_this_program() -> &'static Registry {
        static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
            let mut registry = Registry::default();
            for function in inventory::iter::<Registered> {
                registry.0.entry(function.name).or_default().push(function);
            }
            registry
        });
        &REGISTRY
    }

    /// The function of this name.
    pub fn find(&self, name: &str) -> Result<&'static Registered, NoFunction> {
        by_name(&self.0, (Callable::Function, name), |function| function.place)
    }
}

/// The only one of this name.
pub(crate) fn by_name<T>(
    rows: &BTreeMap<&'static str, Vec<&'static T>>,
    (what, name): (Callable, &str),
    place: impl Fn(&T) -> (&'static str, u32),
) -> Result<&'static T, NoFunction> {
    match rows.get(name).map(Vec::as_slice) {
        Some([one]) => Ok(one),
        Some([first, second, ..]) => {
            let place = |row: &T| format!("in {}, line {}", place(row).0, place(row).1);
            Err(NoFunction::Twice { what, name: name.to_owned(), first: place(first), second: place(second) })
        }
        Some([]) | None => Err(NoFunction::Unknown { what, name: name.to_owned(), known: known(rows.keys().copied()) }),
    }
}

fn known(names: impl Iterator<Item = &'static str>) -> String {
    const NAMED: usize = 5;
    let names: Vec<&str> = names.filter(|name| !name.starts_with("bobbin::")).collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count > NAMED => format!("{} and {} more", names[..NAMED].join(", "), count - NAMED),
        _ => names.join(", "),
    }
}
