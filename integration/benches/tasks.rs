//! What a task that does nothing costs the application master: the real application behind its real port in a process of
//! its own, workers that say at once that they are done, and drivers. All of it over loopback with TLS.

#[path = "tasks/driver.rs"]
mod driver;
#[path = "tasks/jobs.rs"]
mod jobs;
#[path = "tasks/master.rs"]
mod master;
mod support;
#[path = "tasks/traffic.rs"]
mod traffic;
#[path = "tasks/workers.rs"]
mod workers;

use std::error::Error;
use std::time::{Duration, Instant};

use bobbin_proto::SubmitJob;
use driver::Driver;
use master::{Master, Usage};
use support::table;
use traffic::Traffic;

/// Threads of each worker.
const THREADS: u32 = 8;
/// Small jobs, one after the other.
const ROUNDS: usize = 5_000;
/// Jobs of all drivers that submit at the same time.
const SHARED_ROUNDS: usize = 10_000;
/// A plan, as the tasks of a set share one.
const PLAN: usize = 4096;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    if let Some(outcome) = master::as_asked() {
        return outcome;
    }
    support::title("tasks: what a task that does nothing costs the application master, over loopback with TLS");
    // As many threads as the application master has.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        large_jobs().await?;
        small_jobs().await
    })
}

/// What one measurement cost.
struct Cost {
    name: String,
    tasks: usize,
    elapsed: Duration,
    before: Usage,
    after: Usage,
    traffic: Traffic,
}

impl Cost {
    fn header() -> Vec<String> {
        ["one job", "tasks/s", "CPU us", "messages", "bytes", "resident bytes"].map(str::to_owned).to_vec()
    }

    fn row(&self) -> Vec<String> {
        let each = |sum: f64| sum / self.tasks as f64;
        let cpu = self.after.cpu.saturating_sub(self.before.cpu);
        vec![
            self.name.clone(),
            format!("{:.0}", self.tasks as f64 / self.elapsed.as_secs_f64()),
            format!("{:.2}", each(cpu.as_secs_f64() * 1e6)),
            format!("{:.2}", each(self.traffic.messages as f64)),
            format!("{:.0}", each(self.traffic.bytes as f64)),
            format!("{:.0}", each(self.after.resident.saturating_sub(self.before.resident) as f64)),
        ]
    }
}

async fn large_jobs() -> Outcome<()> {
    let mut rows = vec![Cost::header()];
    for tasks in [100_000, 1_000_000] {
        for workers in [1, 10, 100] {
            let name = format!("{tasks} tasks, {workers} workers");
            rows.push(one_job(name, workers, jobs::alike(tasks, 0)).await?.row());
        }
    }
    let shared = format!("100000 tasks that share {PLAN} bytes, 10 workers");
    rows.push(one_job(shared, 10, jobs::alike(100_000, PLAN)).await?.row());
    rows.push(one_job("100000 wanted tasks, 10 workers".to_owned(), 10, jobs::wanted(100_000)).await?.row());
    for side in [100, 1000] {
        rows.push(one_job(format!("{side} x {side} shuffle, 10 workers"), 10, jobs::shuffle(side)).await?.row());
    }
    println!();
    table(&rows);
    println!("  all but the first column for each task; {THREADS} threads a worker; bytes of frames, before TLS;");
    println!("  goals: 100000 tasks/s on two cores, 10 CPU us");
    Ok(())
}

/// An application that sees one job. A small one goes before it, so that all is connected and warm.
async fn one_job(name: String, workers: usize, job: SubmitJob) -> Outcome<Cost> {
    let mut master = Master::start()?;
    let traffic = traffic::Counter::default();
    workers::start(&master, workers, THREADS, &traffic).await?;
    let mut driver = Driver::connect(&master, &traffic).await?;
    driver.run(jobs::alike(100 * workers as u32, 0)).await?;
    let tasks = job.task_sets.iter().map(|set| set.tasks.len()).sum();
    let (before, sent) = (master.usage()?, traffic.now());
    let began = Instant::now();
    driver.finish(job).await?;
    let elapsed = began.elapsed();
    let traffic = traffic.now() - sent;
    Ok(Cost { name, tasks, elapsed, before, after: master.usage()?, traffic })
}

async fn small_jobs() -> Outcome<()> {
    let header = ["jobs", "jobs/s", "CPU us a job", "p50 us", "p99 us"].map(str::to_owned).to_vec();
    let mut rows = vec![header];
    for (drivers, tasks) in [(1, 1), (1, 10), (1, 100), (10, 10), (100, 10)] {
        rows.push(many_jobs(drivers, tasks).await?);
    }
    println!();
    table(&rows);
    println!(
        "  from submission to the end of the job, one after the other by each driver; 10 workers, {THREADS} threads each;"
    );
    println!("  goal: 100 us of one task");
    Ok(())
}

async fn many_jobs(drivers: usize, tasks: u32) -> Outcome<Vec<String>> {
    let mut master = Master::start()?;
    let traffic = traffic::Counter::default();
    workers::start(&master, 10, THREADS, &traffic).await?;
    let rounds = if drivers == 1 { ROUNDS } else { SHARED_ROUNDS / drivers };
    let mut connected = Vec::new();
    for _ in 0..drivers {
        let mut driver = Driver::connect(&master, &traffic).await?;
        driver.run(jobs::alike(tasks, 0)).await?;
        connected.push(driver);
    }
    let before = master.usage()?;
    let began = Instant::now();
    let running: Vec<_> = connected.into_iter().map(|it| tokio::spawn(it.rounds(rounds, tasks))).collect();
    let mut times = Vec::new();
    for driver in running {
        times.extend(driver.await??);
    }
    let elapsed = began.elapsed();
    let cpu = master.usage()?.cpu.saturating_sub(before.cpu);
    times.sort_unstable();
    let jobs = times.len();
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    Ok(vec![
        format!("{drivers} drivers, {tasks} tasks"),
        format!("{:.0}", jobs as f64 / elapsed.as_secs_f64()),
        format!("{:.1}", micros(cpu) / jobs as f64),
        format!("{:.0}", micros(times[jobs / 2])),
        format!("{:.0}", micros(times[jobs * 99 / 100])),
    ])
}
