//! Calls: a function, its arguments, and what they are called by.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bobbin_proto::{self as wire, Message as _};
use bobbin_task::function::{Bytes, Function, Value, ValueError};
use sha2::{Digest, Sha256};
use wire::argument::Argument as Kind;

use super::blocks::Block;
use super::future::Future;
use super::options::TaskOptions;
use super::queue::Spec;
use super::recipe::Recipe;
use super::slot::{Claim, Key};
use crate::unique::unique;

/// Bytes of a call's values, at most: they travel through the application master, which keeps them.
const MOST_BYTES: usize = 16 << 20;

/// Something that can be given to a function for a parameter of the type `P`: a value of this type, the future of one,
/// futures for the elements of a list, blocks of files for bytes.
pub trait IntoArgument<P> {
    /// Adds it to the arguments of a call.
    fn add_to(self, arguments: &mut Arguments);
}

/// Arguments of a call, in order: tuples of what [`IntoArgument`] takes, `(1, future)`; `(x,)` for one.
pub trait IntoArguments<Parameters> {
    /// Adds all of them.
    fn add_to(self, arguments: &mut Arguments);
}

/// The arguments of a call on their way.
#[derive(Default)]
pub struct Arguments {
    call: wire::Call,
    inputs: Vec<Arc<Claim>>,
    places: Vec<String>,
    input_bytes: u64,
    value_bytes: usize,
    hash: Sha256,
    failure: Option<CallError>,
}

/// Why a call cannot be made.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("argument {number} cannot be written: {source}")]
    Encode { number: usize, source: Arc<ValueError> },
    #[error(
        "its arguments have {bytes} bytes, more than the {MOST_BYTES} that a call may carry: let a task make the data or read it \
         from a file (read_blocks), and give its future"
    )]
    TooLarge { bytes: usize },
}

impl Arguments {
    fn push(&mut self, tag: &[u8], content: &[u8], kind: Kind) {
        // Tags and lengths, so that no two lists of arguments look alike.
        self.hash.update(tag);
        self.hash.update((content.len() as u64).to_le_bytes());
        self.hash.update(content);
        self.call.arguments.push(wire::Argument { argument: Some(kind) });
    }

    fn value<T: Value>(&mut self, value: &T) {
        let bytes = value.encode().unwrap_or_else(|source| {
            let number = self.call.arguments.len() + 1;
            self.failure.get_or_insert(CallError::Encode { number, source: Arc::new(source) });
            bytes::Bytes::new()
        });
        self.value_bytes += bytes.len();
        self.push(b"value", &bytes, Kind::Value(bytes.clone()));
    }

    fn result(&mut self, claim: &Arc<Claim>) {
        let number = self.input(claim);
        self.push(b"result", &claim.slot.key.0, Kind::Result(number));
    }

    fn results<'a>(&mut self, claims: impl Iterator<Item = &'a Arc<Claim>>) {
        let mut keys = Vec::new();
        let mut results = Vec::new();
        for claim in claims {
            keys.extend_from_slice(&claim.slot.key.0);
            results.push(self.input(claim));
        }
        self.push(b"results", &keys, Kind::Results(wire::ResultList { results }));
    }

    /// The number of an input.
    fn input(&mut self, claim: &Arc<Claim>) -> u32 {
        self.inputs.push(Arc::clone(claim));
        (self.inputs.len() - 1) as u32
    }

    fn block(&mut self, block: Block) {
        let Block { range, places } = block;
        self.input_bytes += range.end - range.start;
        if self.places.is_empty() {
            self.places = places;
        }
        let content = range.encode_to_vec();
        self.push(b"block", &content, Kind::Range(range));
    }

    /// A call with values only: nothing else can be given to what is no task.
    pub(crate) fn values(self) -> Result<wire::Call, String> {
        if let Some(failure) = self.failure {
            return Err(failure.to_string());
        }
        let is_value = |argument: &wire::Argument| matches!(argument.argument, Some(Kind::Value(_)));
        match self.call.arguments.iter().position(|argument| !is_value(argument)) {
            Some(number) => Err(format!(
                "argument {} is a future or a block of a file: only tasks take these, so await the future before",
                number + 1
            )),
            None => Ok(self.call),
        }
    }

    /// The call of this function, and its key.
    pub(crate) fn call<F: Function>(self, options: &TaskOptions) -> Result<(Key, Spec), CallError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if self.value_bytes > MOST_BYTES {
            return Err(CallError::TooLarge { bytes: self.value_bytes });
        }
        let (function, name) = encoded::<F>();
        let mut hash = self.hash;
        hash.update(&function);
        let once = !options.pure.unwrap_or(F::PURE);
        if once {
            hash_once(&mut hash);
        }
        let mut key = Key([0; 16]);
        key.0.copy_from_slice(&hash.finalize()[..16]);
        let places = if options.hosts.is_empty() { self.places } else { options.hosts.clone() };
        let set = options.name.clone().unwrap_or(name);
        let (call, inputs, input_bytes) = (self.call, self.inputs, self.input_bytes);
        let recipe = Arc::new(Recipe {
            function,
            set,
            options: options.on_the_wire(!once),
            body: call.encode_to_vec().into(),
            inputs: inputs.iter().map(|claim| Arc::clone(&claim.slot)).collect(),
            places,
            input_bytes,
        });
        Ok((key, Spec { recipe, inputs, once }))
    }
}

/// A function as it is called, and its name, written once.
fn encoded<F: Function>() -> (bytes::Bytes, Arc<str>) {
    static WRITTEN: Mutex<BTreeMap<TypeId, (bytes::Bytes, Arc<str>)>> = Mutex::new(BTreeMap::new());
    let write = || {
        let function = wire::Function { name: F::NAME.into(), version: F::VERSION, signature: F::signature() };
        (function.encode_to_vec().into(), F::NAME.into())
    };
    let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    written.entry(TypeId::of::<F>()).or_insert_with(write).clone()
}

/// Adds what no other call has.
fn hash_once(hash: &mut Sha256) {
    static PROCESS: OnceLock<String> = OnceLock::new();
    static CALLS: AtomicU64 = AtomicU64::new(0);
    hash.update(PROCESS.get_or_init(unique).as_bytes());
    hash.update(CALLS.fetch_add(1, Ordering::Relaxed).to_le_bytes());
}

impl<P: Value> IntoArgument<P> for P {
    fn add_to(self, arguments: &mut Arguments) {
        arguments.value(&self);
    }
}

impl<P: Value> IntoArgument<P> for Future<P> {
    fn add_to(self, arguments: &mut Arguments) {
        arguments.result(self.claim());
    }
}

impl<P: Value> IntoArgument<P> for &Future<P> {
    fn add_to(self, arguments: &mut Arguments) {
        arguments.result(self.claim());
    }
}

impl<P: Value> IntoArgument<Vec<P>> for Vec<Future<P>> {
    fn add_to(self, arguments: &mut Arguments) {
        arguments.results(self.iter().map(Future::claim));
    }
}

impl<P: Value> IntoArgument<Vec<P>> for &[Future<P>] {
    fn add_to(self, arguments: &mut Arguments) {
        arguments.results(self.iter().map(Future::claim));
    }
}

impl<P: Value> IntoArgument<Vec<P>> for &Vec<Future<P>> {
    fn add_to(self, arguments: &mut Arguments) {
        arguments.results(self.iter().map(Future::claim));
    }
}

impl IntoArgument<Bytes> for Block {
    fn add_to(self, arguments: &mut Arguments) {
        arguments.block(self);
    }
}

impl IntoArgument<Bytes> for &Block {
    fn add_to(self, arguments: &mut Arguments) {
        arguments.block(self.clone());
    }
}

impl IntoArgument<String> for &str {
    fn add_to(self, arguments: &mut Arguments) {
        arguments.value(&self.to_owned());
    }
}

macro_rules! tuples {
    ($(($($parameter:ident $given:ident $place:tt),*);)*) => {$(
        impl<$($parameter, $given: IntoArgument<$parameter>),*> IntoArguments<($($parameter,)*)> for ($($given,)*) {
            #[allow(unused_variables, reason = "of none")]
            fn add_to(self, arguments: &mut Arguments) {
                $(self.$place.add_to(arguments);)*
            }
        }
    )*};
}

tuples! {
    ();
    (A X 0);
    (A X 0, B Y 1);
    (A X 0, B Y 1, C Z 2);
    (A X 0, B Y 1, C Z 2, D U 3);
    (A X 0, B Y 1, C Z 2, D U 3, E V 4);
    (A X 0, B Y 1, C Z 2, D U 3, E V 4, F W 5);
    (A X 0, B Y 1, C Z 2, D U 3, E V 4, F W 5, G Q 6);
    (A X 0, B Y 1, C Z 2, D U 3, E V 4, F W 5, G Q 6, H R 7);
}
