//! A dataset that one driver makes and another one uses: it lives in the application, not in either of them.
//!
//! On a session of its own (`yarn-submit session start NAME --bin shared_dataset`), `shared_dataset make` and
//! `shared_dataset use` are two programs; without a word both parts are done by tasks of one, each with a conversation of
//! its own. `cargo run -p examples --bin shared_dataset`

use std::error::Error;

use bobbin::Session;

#[bobbin::task]
fn squares(from: u64, to: u64) -> Vec<u64> {
    (from..to).map(|number| number * number).collect()
}

#[bobbin::task]
fn largest(parts: Vec<Vec<u64>>) -> u64 {
    parts.into_iter().flatten().max().unwrap_or(0)
}

async fn make(session: &Session) -> Result<(), Box<dyn Error>> {
    let parts: Vec<_> = (0..10u64).map(|part| session.submit(squares, (part * 100, part * 100 + 100))).collect();
    session.publish("squares", &parts).await?;
    Ok(())
}

async fn find(session: &Session) -> Result<u64, Box<dyn Error>> {
    let parts = session.dataset::<Vec<u64>>("squares").await?;
    Ok(session.submit(largest, (&parts,)).result().await?)
}

#[bobbin::task(pure = false)]
async fn maker() -> Result<(), String> {
    let session = Session::connect().await.map_err(|error| error.to_string())?;
    make(&session).await.map_err(|error| error.to_string())
}

#[bobbin::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let session = Session::connect().await?;
    match std::env::args().nth(1).as_deref() {
        Some("make") => make(&session).await?,
        Some("use") => println!("the largest of the squares is {}", find(&session).await?),
        Some(word) => return Err(format!("{word:?} is neither make nor use").into()),
        None => {
            // The task's conversation has ended when this one opens what it has published.
            session.submit(maker, ()).result().await?;
            println!("the largest of the squares is {}", find(&session).await?);
        }
    }
    Ok(())
}
