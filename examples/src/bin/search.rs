//! A search that goes on where it found something: futures as they are completed, with more added on the way.
//!
//! Looks for the highest point of a function of two parameters: each finished point sends out neighbours, nearer and nearer.
//! `cargo run -p examples --bin search`

use std::error::Error;

use bobbin::{Session, as_completed};

/// A point, how far its neighbours are, and its height.
type Point = (f64, f64, f64, f64);

#[bobbin::task]
fn look(x: f64, y: f64, step: f64) -> Point {
    let height = (-((x - 1.5).powi(2) + (y + 0.5).powi(2)) / 8.0).exp() + 0.1 * (3.0 * x).cos() * (3.0 * y).cos();
    (x, y, step, height)
}

#[bobbin::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let session = Session::connect().await?;
    let grid = (-4..=4).flat_map(|x| (-4..=4).map(move |y| (f64::from(x), f64::from(y))));
    let mut running = as_completed(grid.map(|(x, y)| session.submit(look, (x, y, 0.5))));
    let mut best: Point = (0.0, 0.0, 0.0, f64::NEG_INFINITY);
    let mut looked_at = 0;
    while let Some(point) = running.next().await {
        let (x, y, step, found) = point.result().await?;
        looked_at += 1;
        if found < best.3 || step < 1e-4 {
            continue;
        }
        best = (x, y, step, found);
        for (right, up) in [(step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step), (0.0, 0.0)] {
            // Points that were looked at before, with the same step, are not computed again.
            running.add(session.submit(look, (x + right, y + up, step / 2.0)));
        }
    }
    println!("height {:.4} at ({:.2}, {:.2}) after {looked_at} points", best.3, best.0, best.1);
    Ok(())
}
