//! A driver that submits jobs and waits for their ends.

use std::time::{Duration, Instant};

use bobbin_link::{Connector, Link};
use bobbin_proto::{DriverHello, FromDriver, Heartbeat, ReleaseJob, SubmitJob, ToDriver, from_driver, to_driver};
use futures::{SinkExt, StreamExt};

use crate::master::Master;
use crate::traffic::Counter;
use crate::{Outcome, jobs};

/// One connected driver.
pub struct Driver {
    link: Link<ToDriver, FromDriver>,
    traffic: Counter,
    /// Number of the last job.
    last: u32,
}

impl Driver {
    /// A new driver of this application.
    pub async fn connect(master: &Master, traffic: &Counter) -> Outcome<Driver> {
        let connector = Connector::new(&master.identity)?;
        let (link, _) = connector.dial_as_driver(&master.address, DriverHello { name: "bench".to_owned() }).await?;
        Ok(Driver { link, traffic: traffic.clone(), last: 0 })
    }

    /// Submits a job, waits for its end and releases it.
    pub async fn run(&mut self, job: SubmitJob) -> Outcome<()> {
        self.finish(job).await?;
        self.say(from_driver::Message::ReleaseJob(ReleaseJob { job: self.last })).await
    }

    /// Submits a job and waits for its end.
    pub async fn finish(&mut self, job: SubmitJob) -> Outcome<()> {
        self.last += 1;
        let tasks: usize = job.task_sets.iter().map(|set| set.tasks.len()).sum();
        self.say(from_driver::Message::SubmitJob(SubmitJob { job: self.last, ..job })).await?;
        while let Some(message) = self.link.next().await {
            let message = message?;
            self.traffic.count(&message);
            match message.message {
                Some(to_driver::Message::JobFinished(finished)) if finished.job == self.last => {
                    let done = finished.summary.map_or(0, |summary| summary.tasks_done as usize);
                    return if done == tasks {
                        Ok(())
                    } else {
                        Err(format!("{done} tasks of {tasks} are done").into())
                    };
                }
                Some(to_driver::Message::JobFailed(failed)) => return Err(failed.message.into()),
                // Each comes several times in the time that a driver may be silent.
                Some(to_driver::Message::Progress(_) | to_driver::Message::Heartbeat(_)) => {
                    self.say(from_driver::Message::Heartbeat(Heartbeat {})).await?;
                }
                _ => {}
            }
        }
        Err("the application master closed the connection".into())
    }

    /// Runs jobs of so many tasks one after the other. Returns how long each took.
    pub async fn rounds(mut self, rounds: usize, tasks: u32) -> Result<Vec<Duration>, String> {
        let mut times = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            let job = jobs::alike(tasks, 0);
            let began = Instant::now();
            self.finish(job).await.map_err(|error| error.to_string())?;
            times.push(began.elapsed());
            let release = from_driver::Message::ReleaseJob(ReleaseJob { job: self.last });
            self.say(release).await.map_err(|error| error.to_string())?;
        }
        Ok(times)
    }

    async fn say(&mut self, message: from_driver::Message) -> Outcome<()> {
        let message = FromDriver { message: Some(message) };
        self.traffic.count(&message);
        Ok(self.link.send(message).await?)
    }
}
