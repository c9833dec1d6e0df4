//! Methods: functions of a value that stays where it is, on the worker that holds the result it was made of.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bobbin_proto::{self as wire};
use bytes::Bytes;
use wire::argument::Argument as Kind;

use super::panics::Watch;
use super::registry::{ArgumentBytes, CallFailure, Callable, NoFunction, Parameters, by_name};
use super::value::{Value, ValueError};
use crate::profile;

/// A method of a state: what `#[bobbin::method]` makes of a function whose first parameter is `&mut S` or `&S`.
pub trait Method: Copy + Send + Sync + 'static {
    /// The type of the state.
    type State: Value;
    /// The types of its other parameters, as a tuple.
    type Args;
    /// The type of its result; of `Result<T, E>` the `T`.
    type Output: Value;
    /// Its path in the program, unless the attribute says otherwise.
    const NAME: &'static str;
    /// What the attribute says; 0 if it says nothing.
    const VERSION: u32;

    /// The types of its parameters and of its result, for people and for comparing.
    fn signature() -> String;
}

/// One method of this executable.
pub struct RegisteredMethod {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: u32,
    /// The types of its parameters and of its result.
    pub signature: fn() -> String,
    /// Reads a state of its type.
    pub load: fn(Bytes) -> Result<Box<dyn Any + Send>, ValueError>,
    /// Calls it.
    pub call: fn(&mut (dyn Any + Send), Parameters) -> Result<Bytes, CallFailure>,
    /// Where it stands: file and line.
    pub place: (&'static str, u32),
}

inventory::collect!(RegisteredMethod);

/// A state as it is: the bytes of the result until the first method is called, then a value.
#[derive(Default)]
pub struct State(Option<Box<dyn Any + Send>>);

impl State {
    /// Was a method called on it, which may have changed it?
    pub fn has_begun(&self) -> bool {
        self.0.is_some()
    }
}

/// Why a method has no result.
#[derive(Debug, thiserror::Error)]
pub enum MethodError {
    /// It is not in this program.
    #[error(transparent)]
    NoMethod(#[from] NoFunction),
    /// Driver and workers are different builds.
    #[error(
        "method '{name}' is {ours}, version {version}, in this program, and the caller's is {theirs}, version {called}: driver and workers were built from different sources"
    )]
    Other {
        /// Its name.
        name: String,
        /// Its types here.
        ours: String,
        /// Its version here.
        version: u32,
        /// Its types as the caller knows them.
        theirs: String,
        /// Its version as the caller knows it.
        called: u32,
    },
    /// The result is of another type than the method's state.
    #[error("method '{name}': read its state")]
    Load {
        /// Its name.
        name: String,
        /// What is wrong.
        #[source]
        source: ValueError,
    },
    /// Methods take values only.
    #[error("method '{name}': argument {number} is no value")]
    NoValue {
        /// Its name.
        name: String,
        /// Which, from 1.
        number: usize,
    },
    /// It says so itself, or its arguments do not fit.
    #[error("method '{name}'")]
    Failed {
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: CallFailure,
    },
    /// It panicked. What it had done to the state until then stays.
    #[error("method '{name}' {what}")]
    Panicked {
        /// Its name.
        name: String,
        /// With what words.
        what: String,
    },
}

/// The methods of this executable.
pub struct Methods(BTreeMap<&'static str, Vec<&'static RegisteredMethod>>);

impl Default for Methods {
    fn default() -> Self {
        let mut methods = Methods(BTreeMap::new());
        for method in inventory::iter::<RegisteredMethod> {
            methods.0.entry(method.name).or_default().push(method);
        }
        methods
    }
}

impl Methods {
    /// Calls a method on the calling thread, which it may keep as long as it likes. `initial` is the result that the state
    /// begins as.
    ///
    /// # Errors
    /// When there is no such method, its types are others, or it fails.
    pub fn call(
        &self,
        called: &wire::Function,
        call: wire::Call,
        state: &mut State,
        initial: impl FnOnce() -> Bytes,
    ) -> Result<Bytes, MethodError> {
        let method = by_name(&self.0, (Callable::Method, &called.name), |method| method.place)?;
        let (name, ours) = (|| called.name.clone(), (method.signature)());
        if method.version != called.version || !called.signature.is_empty() && called.signature != ours {
            let (version, theirs, called) = (method.version, called.signature.clone(), called.version);
            return Err(MethodError::Other { name: name(), ours, version, theirs, called });
        }
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for (number, argument) in (1..).zip(call.arguments) {
            let Some(Kind::Value(value)) = argument.argument else {
                return Err(MethodError::NoValue { name: name(), number });
            };
            arguments.push(ArgumentBytes::One(value));
        }
        let value = match &mut state.0 {
            Some(value) => value,
            empty => {
                empty.insert((method.load)(initial()).map_err(|source| MethodError::Load { name: name(), source })?)
            }
        };
        let watch = Watch::begin();
        match catch_unwind(AssertUnwindSafe(|| {
            profile::run(&method.name, || (method.call)(value.as_mut(), Parameters::new(arguments)))
        })) {
            Ok(result) => result.map_err(|source| MethodError::Failed { name: name(), source }),
            Err(panic) => {
                let (what, backtrace) = watch.describe(&*panic);
                tracing::warn!(method = called.name, what, "a method panicked\n{backtrace}");
                Err(MethodError::Panicked { name: name(), what })
            }
        }
    }
}

/// A state of this type, for the macro's expansion.
///
/// # Errors
/// When the bytes are of another one.
pub fn load<S: Value>(bytes: Bytes) -> Result<Box<dyn Any + Send>, ValueError> {
    Ok(Box::new(S::decode(bytes)?))
}

/// The state as this type, for the macro's expansion.
///
/// # Errors
/// When methods of another type have used it.
pub fn state_of<S: 'static>(state: &mut (dyn Any + Send)) -> Result<&mut S, CallFailure> {
    state
        .downcast_mut::<S>()
        .ok_or_else(|| CallFailure::GaveUp(format!("its state is of another type than {}", std::any::type_name::<S>())))
}
