//! Calls that are no tasks, on threads of their own: of actors' methods, and of functions.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use bobbin_proto::{self as wire, Message as _};
use bobbin_task::function::Methods;
use bobbin_task::{CancelFlag, Execute, InputError, Inputs, LostInput, Output, Piece, Task};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::runtime::Handle;

use crate::peers::describe;
use crate::store::ResultStore;

/// Calls a method of a state that this worker holds; its task has its number from the application master `master`. The reply has no length: that is the bytes'.
pub async fn call_state(
    store: &ResultStore,
    methods: &Arc<Methods>,
    (master, called): (u32, wire::StateCall),
) -> (wire::FetchReply, Bytes) {
    let wire::StateCall { task, incarnation, method, call } = called;
    let gone = |error: String| wire::FetchReply { task, error, gone: true, ..wire::FetchReply::default() };
    let state = match store.state(master, task, incarnation) {
        Ok(state) => state,
        Err(error) => return (gone(error.to_string()), Bytes::new()),
    };
    let reply = wire::FetchReply { task, incarnation: state.incarnation(), ..wire::FetchReply::default() };
    let Some(method) = method else { return (reply, Bytes::new()) };
    let initial = match state.initial(task).await {
        Ok(initial) => initial,
        Err(error) => return (gone(describe(&error)), Bytes::new()),
    };
    let methods = Arc::clone(methods);
    let handle = Handle::current();
    // A method computes as long as it likes: not where links are served.
    let done = tokio::task::spawn_blocking(move || {
        let mut state = handle.block_on(state.lock());
        methods.call(&method, call.unwrap_or_default(), &mut state, || initial)
    });
    match done.await {
        Ok(Ok(result)) => (reply, result),
        Ok(Err(error)) => (wire::FetchReply { error: describe(&error), ..reply }, Bytes::new()),
        Err(error) => (wire::FetchReply { error: error.to_string(), ..reply }, Bytes::new()),
    }
}

/// Calls a function, beside whatever tasks run. The reply has no length: that is the bytes'. Dropping this tells the function
/// that nobody wants its result any more.
pub async fn call_function(functions: &Arc<dyn Execute>, called: wire::FunctionCall) -> (wire::FetchReply, Bytes) {
    let wire::FunctionCall { function, call } = called;
    let function = Bytes::from(function.unwrap_or_default().encode_to_vec());
    let call = Bytes::from(call.unwrap_or_default().encode_to_vec());
    let unwanted = Unwanted(CancelFlag::default());
    let (functions, handle, cancel) = (Arc::clone(functions), Handle::current(), unwanted.0.clone());
    // As a method, it computes as long as it likes.
    let done = tokio::task::spawn_blocking(move || {
        let mut result = InMemory::default();
        let task = Task::new(&function, &call, cancel);
        let outcome = handle.block_on(functions.run(task, Arc::new(NoInputs), &mut result));
        outcome.map(|_| result.0.freeze())
    });
    let refused = |error: String| (wire::FetchReply { error, ..wire::FetchReply::default() }, Bytes::new());
    match done.await {
        Ok(Ok(result)) => (wire::FetchReply::default(), result),
        Ok(Err(error)) => refused(error.message),
        Err(error) => refused(error.to_string()),
    }
}

/// Raises the flag when it goes; that of a call that is over, nobody looks at any more.
struct Unwanted(CancelFlag);

impl Drop for Unwanted {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Of a call that is no task.
struct NoInputs;

impl Inputs for NoInputs {
    fn fetch(&self, inputs: Range<usize>) -> BoxStream<'static, Result<Piece, LostInput>> {
        let none = |index| Err(LostInput { index, source: InputError::NotGiven(0) });
        stream::iter(inputs.map(none)).boxed()
    }
}

/// A result that nobody keeps.
#[derive(Default)]
struct InMemory(BytesMut);

impl Output for InMemory {
    /// A function's result is one part.
    fn divide(&mut self, _: usize) {}

    fn write(&mut self, _: usize, bytes: Bytes) -> Result<(), io::Error> {
        self.0.extend_from_slice(&bytes);
        Ok(())
    }
}
