//! Calls of actors' methods, on threads of their own.

use std::sync::Arc;

use bobbin_proto as wire;
use bobbin_task::function::Methods;
use bytes::Bytes;
use tokio::runtime::Handle;

use crate::peers::describe;
use crate::store::ResultStore;

/// Calls a method of a state that this worker holds. The reply has no length: that is the bytes'.
pub async fn call_state(
    store: &ResultStore,
    methods: &Arc<Methods>,
    called: wire::StateCall,
) -> (wire::FetchReply, Bytes) {
    let wire::StateCall { task, incarnation, method, call } = called;
    let gone = |error: String| wire::FetchReply { task, error, gone: true, ..wire::FetchReply::default() };
    let state = match store.state(task) {
        Ok(state) => state,
        Err(error) => return (gone(error.to_string()), Bytes::new()),
    };
    let now = state.incarnation();
    if incarnation != 0 && incarnation != now {
        return (gone("the state was lost, and has begun anew".to_owned()), Bytes::new());
    }
    let reply = wire::FetchReply { task, incarnation: now, ..wire::FetchReply::default() };
    let Some(method) = method else { return (reply, Bytes::new()) };
    let initial = match store.read(task, 0).await {
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
