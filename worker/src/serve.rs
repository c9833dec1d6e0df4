//! Serving results to peers and drivers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bobbin_link::{AcceptError, Accepted, Acceptor, FetchError, FetchServer, Role, Whole};
use bobbin_proto as wire;
use bobbin_task::Execute;
use bobbin_task::function::Methods;
use bytes::Bytes;
use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepidle};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use crate::calls::{call_function, call_state};
use crate::executors::Executors;
use crate::peers::describe;
use crate::store::{ResultStore, StoreError, StoredReader};

/// Connections that may be open at once; more wait in the listener's queue.
const CONNECTIONS: usize = 1024;

/// Silence of a connection after which the system asks whether the peer's host is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// What peers and drivers may ask of this worker. Cheap to clone.
#[derive(Clone)]
pub struct Served {
    /// Its results.
    pub store: ResultStore,
    /// Methods of those that are states of actors.
    pub methods: Arc<Methods>,
    /// Functions that are called at once, and not as tasks.
    pub functions: Arc<dyn Execute>,
}

impl Served {
    /// What these run, and what is kept there.
    pub fn by(executors: &Executors, store: ResultStore) -> Served {
        Served { store, methods: Arc::clone(&executors.methods), functions: Arc::clone(&executors.functions) }
    }
}

/// Serves until it is dropped. A stranger is logged and sent away, nothing else.
pub async fn serve(listener: TcpListener, acceptor: Acceptor, application_id: Arc<str>, served: Served) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let (tcp, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely: let others finish first.
                warn!(%error, "accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (acceptor, application_id, served) = (acceptor.clone(), application_id.clone(), served.clone());
        tokio::spawn(async move {
            match admit(&acceptor, tcp, peer, &application_id).await {
                Ok(Some(server)) => {
                    if let Err(error) = answer(server, &served).await {
                        debug!(%peer, error = describe(&error), "a fetching connection broke");
                    }
                }
                Ok(None) => {}
                Err(error) => warn!(error = describe(&error), "refused a connection"),
            }
            drop(place);
        });
    }
}

async fn admit(
    acceptor: &Acceptor,
    tcp: TcpStream,
    peer: SocketAddr,
    application_id: &Arc<str>,
) -> Result<Option<FetchServer>, AcceptError> {
    // A peer whose host vanishes must not hold its place for ever. Without the option it holds it longer.
    let _ = set_socket_keepalive(&tcp, true).and_then(|()| set_tcp_keepidle(&tcp, KEEP_ALIVE));
    let pending = acceptor.accept(tcp, peer).await?;
    if !matches!(pending.role, Role::Peer) {
        pending.refuse("this is a worker's port: it serves results only").await;
        return Ok(None);
    }
    match pending.welcome(application_id, (0, 0)).await? {
        Accepted::Peer(server) => Ok(Some(*server)),
        Accepted::Worker(_) | Accepted::Driver(_) | Accepted::Watcher(_) => Ok(None),
    }
}

/// Gives results to one peer until it is done.
///
/// # Errors
/// The connection broke.
pub async fn answer(mut server: FetchServer, served: &Served) -> Result<(), FetchError> {
    let Served { store, methods, functions } = served;
    let mut next = server.request().await?;
    while let Some(request) = next.take() {
        if let Some(call) = request.call {
            let (reply, bytes) = call_state(store, methods, (request.master, call)).await;
            server.answer(reply, &bytes).await?;
        } else if let Some(call) = request.function {
            let Some((reply, bytes)) = called(&mut server, functions, call, &mut next).await? else { return Ok(()) };
            server.answer(reply, &bytes).await?;
        } else {
            let mut skip = request.skip;
            for task in request.tasks {
                match request.whole {
                    true => give_whole(&mut server, store, request.master, task).await?,
                    false => give(&mut server, store, request.master, (task, request.part, skip)).await?,
                }
                skip = 0;
            }
            server.flush().await?;
        }
        if next.is_none() {
            next = server.request().await?;
        }
    }
    Ok(())
}

/// Calls a function for the peer; nothing if it goes away meanwhile. It may have sent its next request already.
async fn called(
    server: &mut FetchServer,
    functions: &Arc<dyn Execute>,
    call: wire::FunctionCall,
    next: &mut Option<wire::FetchRequest>,
) -> Result<Option<(wire::FetchReply, Bytes)>, FetchError> {
    let mut calling = std::pin::pin!(call_function(functions, call));
    loop {
        tokio::select! {
            answer = &mut calling => return Ok(Some(answer)),
            request = server.request(), if next.is_none() => match request? {
                Some(request) => *next = Some(request),
                None => return Ok(None),
            },
        }
    }
}

async fn give(
    server: &mut FetchServer,
    store: &ResultStore,
    master: u32,
    (task, part, skip): (u32, u32, u64),
) -> Result<(), FetchError> {
    let mut reader = match store.open_of(master, task, part) {
        Ok(reader) => reader.after(skip),
        Err(error) => return server.refuse(task, error.to_string()).await,
    };
    server.reply(task, reader.length().saturating_sub(skip)).await?;
    // After the announcement only closing the connection tells the peer that the rest will not come.
    while let Some(chunk) = reader.chunk().await.map_err(broken)? {
        server.send(&chunk).await?;
    }
    Ok(())
}

/// All parts of a result, for a copy of it.
async fn give_whole(server: &mut FetchServer, store: &ResultStore, master: u32, task: u32) -> Result<(), FetchError> {
    let (parts, rows) = match store.open_whole(master, task) {
        Ok(whole) => whole,
        Err(error) => return server.refuse(task, error.to_string()).await,
    };
    server.reply_whole(task, Whole { parts: parts.iter().map(StoredReader::length).collect(), rows }).await?;
    for mut reader in parts {
        while let Some(chunk) = reader.chunk().await.map_err(broken)? {
            server.send(&chunk).await?;
        }
    }
    Ok(())
}

fn broken(error: StoreError) -> FetchError {
    FetchError::Io(std::io::Error::other(error))
}
