//! A sum over a tree of tasks: leaves that make numbers, pairs of neighbours that add them up.
//!
//! `cargo run -p examples --bin tree_reduction -- 1000`

use std::error::Error;

use bobbin::Session;

#[bobbin::task]
fn leaf(number: u64) -> u64 {
    number * number
}

#[bobbin::task]
fn add(left: u64, right: u64) -> u64 {
    left + right
}

#[bobbin::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let leaves: u64 = std::env::args().nth(1).unwrap_or_else(|| "1000".to_owned()).parse()?;
    let session = Session::connect().await?;
    let squares = session.map(leaf, 1..=leaves);
    let total = session.reduce(add, squares).result().await?;
    println!("the sum of the squares of 1 to {leaves} is {total}");
    Ok(())
}
