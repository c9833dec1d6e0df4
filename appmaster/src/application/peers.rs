//! Who is connected.

use bobbin_core::WorkerId;
use bobbin_proto as wire;
use tokio::sync::mpsc;

use super::snapshot::WorkerView;
use super::{DriverSeat, Input, WorkerSeat};
use bobbin_link::{Link, Pump, SILENCE_LIMIT_MS, pump};
use std::time::Duration;

/// A connected worker.
pub(super) struct WorkerPeer {
    pub host: String,
    pub fetch_address: String,
    pub orders: mpsc::Sender<wire::ToWorker>,
    pub finished: u64,
    container: String,
    threads: u32,
}

/// A connected driver.
pub(super) struct DriverPeer {
    pub name: String,
    pub news: mpsc::Sender<wire::ToDriver>,
}

impl WorkerPeer {
    pub fn new(hello: wire::WorkerHello, orders: mpsc::Sender<wire::ToWorker>) -> Self {
        WorkerPeer {
            host: hello.host,
            fetch_address: hello.fetch_address,
            orders,
            finished: 0,
            container: hello.container_id,
            threads: hello.threads,
        }
    }

    pub fn view(&self, id: WorkerId) -> WorkerView {
        WorkerView {
            id: id.0,
            host: self.host.clone(),
            container: self.container.clone(),
            threads: self.threads,
            finished: self.finished,
        }
    }
}

impl DriverPeer {
    pub fn new(name: String, news: mpsc::Sender<wire::ToDriver>) -> Self {
        DriverPeer { name, news }
    }
}

const SILENCE: Duration = Duration::from_millis(SILENCE_LIMIT_MS as u64);

impl WorkerSeat {
    /// Serves a worker at the other end of `link` until it or the application ends.
    pub async fn serve(self, link: Link<wire::FromWorker, wire::ToWorker>) {
        let WorkerSeat { id, orders, application } = self;
        let heartbeat = wire::ToWorker { message: Some(wire::to_worker::Message::Heartbeat(wire::Heartbeat {})) };
        let incoming = application.inputs.clone();
        let ends = Pump { outgoing: orders, incoming, heartbeat, silence: SILENCE };
        let end = pump(link, ends, |message| Input::Worker(id, message)).await;
        // When the application is over, nobody needs to know.
        let _ = application.send(Input::WorkerLeaves(id, end.to_string())).await;
    }
}

impl DriverSeat {
    /// Serves a driver at the other end of `link` until it or the application ends.
    pub async fn serve(self, link: Link<wire::FromDriver, wire::ToDriver>) {
        let DriverSeat { id, news, application } = self;
        let heartbeat = wire::ToDriver { message: Some(wire::to_driver::Message::Heartbeat(wire::Heartbeat {})) };
        let incoming = application.inputs.clone();
        let ends = Pump { outgoing: news, incoming, heartbeat, silence: SILENCE };
        let end = pump(link, ends, |message| Input::Driver(id, message)).await;
        let _ = application.send(Input::DriverLeaves(id, end.to_string())).await;
    }
}
