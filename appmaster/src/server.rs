//! The port where workers and drivers arrive.

use std::net::SocketAddr;
use std::sync::Arc;

use bobbin_link::{AcceptError, Accepted, Acceptor, Pending, Role};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use crate::application::Application;

/// Handshakes that may be under way at once: strangers cannot make us keep more than that.
const HANDSHAKES: usize = 256;

/// Accepts until it is dropped. A connection that does not belong to the application is logged and closed, nothing
/// else.
pub async fn serve(listener: TcpListener, acceptor: Acceptor, application: Application) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let Ok(place) = handshakes.clone().acquire_owned().await else { return };
        let (tcp, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely: let others finish first.
                warn!(%error, "accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        let (acceptor, application) = (acceptor.clone(), application.clone());
        tokio::spawn(async move {
            let seat = admit(&acceptor, &application, tcp, peer).await;
            drop(place);
            match seat {
                Ok(Some(seated)) => seated.serve().await,
                Ok(None) => {}
                Err(error) => warn!(%peer, error = %crate::describe(&error), "refused a connection"),
            }
        });
    }
}

/// A worker or driver that was welcomed, with its place at the application.
pub enum Seated {
    /// A worker.
    Worker(crate::application::WorkerSeat, Accepted),
    /// A driver.
    Driver(crate::application::DriverSeat, Accepted),
}

impl Seated {
    /// Serves it until it or the application ends.
    pub async fn serve(self) {
        match self {
            Seated::Worker(seat, Accepted::Worker(link)) => seat.serve(*link).await,
            Seated::Driver(seat, Accepted::Driver(link)) => seat.serve(*link).await,
            Seated::Worker(..) | Seated::Driver(..) => debug!("a peer's role changed during its welcome"),
        }
    }
}

async fn admit(
    acceptor: &Acceptor,
    application: &Application,
    tcp: TcpStream,
    peer: SocketAddr,
) -> Result<Option<Seated>, AcceptError> {
    seat(acceptor.accept(tcp, peer).await?, application).await
}

/// Gives a peer its seat and welcomes it; none to those who are refused. One that has gone meanwhile leaves again: an
/// application with a driver is never idle.
///
/// # Errors
/// The peer could not be welcomed.
pub async fn seat(pending: Pending, application: &Application) -> Result<Option<Seated>, AcceptError> {
    let id = application.id().clone();
    match &pending.role {
        Role::Worker(hello) => match application.add_worker(hello.clone()).await {
            Ok(seat) => match pending.welcome(&id, (seat.id.0, application.master())).await {
                Ok(accepted) => Ok(Some(Seated::Worker(seat, accepted))),
                Err(error) => {
                    seat.leave(crate::describe(&error)).await;
                    Err(error)
                }
            },
            Err(over) => refuse(pending, over).await,
        },
        Role::Driver(hello) => match application.add_driver(hello.clone()).await {
            Ok(seat) => match pending.welcome(&id, (0, application.master())).await {
                Ok(accepted) => Ok(Some(Seated::Driver(seat, accepted))),
                Err(error) => {
                    seat.leave(crate::describe(&error)).await;
                    Err(error)
                }
            },
            Err(over) => refuse(pending, over).await,
        },
        Role::Peer => refuse(pending, "results are fetched from workers, not from the application master").await,
        Role::Watcher => refuse(pending, "this is no session of one machine: yarn-submit status says how it is").await,
    }
}

async fn refuse(pending: Pending, reason: impl ToString) -> Result<Option<Seated>, AcceptError> {
    pending.refuse(reason.to_string()).await;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use bobbin_core::Config;
    use bobbin_link::{Authority, Connector, Secret};
    use bobbin_proto::{DriverHello, WorkerHello};
    use rustix::net::Shutdown;

    use super::*;
    use crate::application::Options;

    /// A peer that proves who it is, and whose connection breaks before it is welcomed.
    async fn vanishes(is_worker: bool) {
        let (authority, secret) = (Authority::generate().unwrap(), Secret::generate());
        let identity = authority.issue("test", &secret).unwrap();
        let options =
            Options { id: "local".into(), core: Config::default(), mailbox: None, submitted_ms: 0, master: 1 };
        let (application, _outcome) = Application::start(options);
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap().to_string();
        let connector = Connector::new(&identity).unwrap();
        let dialed = tokio::spawn(async move {
            if is_worker {
                connector.dial_as_worker(&address, WorkerHello::default()).await.map(drop)
            } else {
                connector.dial_as_driver(&address, DriverHello::default()).await.map(drop)
            }
        });
        let (tcp, peer) = server.accept().await.unwrap();
        let connection = tcp.as_fd().try_clone_to_owned().unwrap();
        let pending = Acceptor::new(&identity).unwrap().accept(tcp, peer).await.unwrap();
        rustix::net::shutdown(&connection, Shutdown::Both).unwrap();
        assert!(seat(pending, &application).await.is_err());
        assert!(dialed.await.unwrap().is_err());
        let snapshot = application.snapshot().await.unwrap();
        assert_eq!((snapshot.drivers, snapshot.workers.len()), (0, 0));
    }

    #[tokio::test]
    async fn a_driver_that_vanishes_before_its_welcome_leaves() {
        vanishes(false).await;
    }

    #[tokio::test]
    async fn a_worker_that_vanishes_before_its_welcome_leaves() {
        vanishes(true).await;
    }
}
