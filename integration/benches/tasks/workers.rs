//! Workers that finish every task at once.

use bobbin_link::{Connector, Link};
use bobbin_proto::{FrameError, FromWorker, Heartbeat, TaskFinished, ToWorker, WorkerHello, from_worker, to_worker};
use futures::{SinkExt, StreamExt};

use crate::Outcome;
use crate::master::Master;
use crate::traffic::Counter;

/// Orders that are taken from a link before its answers are flushed.
const BATCH: usize = 1024;

/// Connects so many workers with so many threads each. They live as long as the application master.
pub async fn start(master: &Master, workers: usize, threads: u32, traffic: &Counter) -> Outcome<()> {
    let connector = Connector::new(&master.identity)?;
    for number in 0..workers {
        let hello = WorkerHello {
            container_id: format!("local-{number}"),
            host: format!("w{number}"),
            fetch_address: format!("w{number}:40000"),
            threads,
            ..Default::default()
        };
        let (link, _) = connector.dial_as_worker(&master.address, hello).await?;
        tokio::spawn(work(link, traffic.clone()));
    }
    Ok(())
}

/// Answers what is there, then flushes once, as the links of real workers do.
async fn work(link: Link<ToWorker, FromWorker>, traffic: Counter) -> Result<(), FrameError> {
    let (mut sink, stream) = link.split();
    let mut orders = stream.ready_chunks(BATCH);
    while let Some(batch) = orders.next().await {
        for order in batch {
            let order = order?;
            traffic.count(&order);
            if let Some(reply) = answer(order) {
                traffic.count(&reply);
                sink.feed(reply).await?;
            }
        }
        sink.flush().await?;
    }
    Ok(())
}

fn answer(order: ToWorker) -> Option<FromWorker> {
    let message = match order.message? {
        to_worker::Message::RunTask(run) => from_worker::Message::TaskFinished(TaskFinished {
            task: run.task,
            attempt: run.attempt,
            ..Default::default()
        }),
        to_worker::Message::Heartbeat(_) => from_worker::Message::Heartbeat(Heartbeat {}),
        // What was to be cancelled is finished already, and there are no results to drop, to copy or to adopt.
        to_worker::Message::CancelTask(_)
        | to_worker::Message::DropResults(_)
        | to_worker::Message::CopyResult(_)
        | to_worker::Message::AdoptResults(_)
        | to_worker::Message::DropFormer(_)
        | to_worker::Message::Stop(_) => return None,
    };
    Some(FromWorker { message: Some(message) })
}
