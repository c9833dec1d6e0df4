//! A model that several tasks train at once: its parameters are an actor, and the tasks send gradients to it.
//!
//! Fits a line to points that lie beside one. `cargo run -p examples --bin parameter_server`

use std::error::Error;

use bobbin::{Actor, Session};

/// Slope and offset, and how many gradients have gone into them.
type Line = (f64, f64, u64);

#[bobbin::task]
fn flat() -> Line {
    (0.0, 0.0, 0)
}

#[bobbin::method]
fn parameters(line: &Line) -> (f64, f64) {
    (line.0, line.1)
}

#[bobbin::method]
fn descend(line: &mut Line, slope: f64, offset: f64) {
    line.0 -= 0.02 * slope;
    line.1 -= 0.02 * offset;
    line.2 += 1;
}

#[bobbin::method]
fn steps(line: &Line) -> u64 {
    line.2
}

/// Points beside y = 3x + 2, others in each task.
fn points(task: u64) -> impl Iterator<Item = (f64, f64)> {
    (0..50).map(move |number| {
        let x = ((number * 7 + task * 3) % 50) as f64 / 10.0;
        (x, 3.0 * x + 2.0 + if number % 2 == 0 { 0.1 } else { -0.1 })
    })
}

#[bobbin::task(pure = false)]
async fn train(line: Actor<Line>, task: u64, rounds: u64) -> Result<(), String> {
    for _ in 0..rounds {
        let (slope, offset) = line.call(parameters, ()).await.map_err(|error| error.to_string())?;
        let (mut by_slope, mut by_offset, count) = points(task).fold((0.0, 0.0, 0.0), |(a, b, count), (x, y)| {
            let error = slope * x + offset - y;
            (a + error * x, b + error, count + 1.0)
        });
        by_slope /= count;
        by_offset /= count;
        line.call(descend, (by_slope, by_offset)).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[bobbin::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let session = Session::connect().await?;
    let line = session.actor(session.submit(flat, ())).await?;
    let tasks: Vec<_> = (0..4u64).map(|task| session.submit(train, (line.clone(), task, 500u64))).collect();
    session.gather(&tasks).await?;
    let (slope, offset) = line.call(parameters, ()).await?;
    println!("y = {slope:.1}x + {offset:.1} after {} gradients", line.call(steps, ()).await?);
    Ok(())
}
