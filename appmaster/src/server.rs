//! The port where workers and drivers arrive.

use std::net::SocketAddr;
use std::sync::Arc;

use bobbin_link::{AcceptError, Accepted, Acceptor, Role};
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

enum Seated {
    Worker(crate::application::WorkerSeat, Accepted),
    Driver(crate::application::DriverSeat, Accepted),
}

impl Seated {
    async fn serve(self) {
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
    let pending = acceptor.accept(tcp, peer).await?;
    let id = application.id().clone();
    match &pending.role {
        Role::Worker(hello) => match application.add_worker(hello.clone()).await {
            Ok(seat) => {
                let number = seat.id.0;
                Ok(Some(Seated::Worker(seat, pending.welcome(&id, number).await?)))
            }
            Err(over) => refuse(pending, over).await,
        },
        Role::Driver(hello) => match application.add_driver(hello.clone()).await {
            Ok(seat) => Ok(Some(Seated::Driver(seat, pending.welcome(&id, 0).await?))),
            Err(over) => refuse(pending, over).await,
        },
        Role::Peer => refuse(pending, "results are fetched from workers, not from the application master").await,
    }
}

async fn refuse(pending: bobbin_link::Pending, reason: impl ToString) -> Result<Option<Seated>, AcceptError> {
    pending.refuse(reason.to_string()).await;
    Ok(None)
}
