//! Reading the same bytes each way there is: MB/s and CPU-seconds per GB, beside a plain local file. Runs the program
//! `blockbench` on the host of the only DataNode, so that every block is there.

mod support;

use std::io::Write;

use integration::cluster::{Cluster, ClusterOptions, Host};

/// Hadoop's default, so two blocks.
const BLOCK: u64 = 128 << 20;
const BYTES: usize = 256 << 20;
/// The best of so many rounds counts.
const ROUNDS: &str = "5";
const FILE: &str = "/data/blocks.bin";
/// `dfs.client-write-packet-size`.
const PACKET: usize = 64 << 10;

fn main() {
    support::title("blocks: ways to the same 256 MiB, windows of 8 MiB, best of 5 rounds");
    let Some(program) = support::example("blockbench", "bobbin-blocks", "release") else { return };
    let version = integration::version();
    let options = ClusterOptions { version, workers: 1, racks: 1, block_size: BLOCK, ..Default::default() };
    let Some(cluster) = integration::private(options) else { return };
    match measure(&cluster, &program) {
        Ok(text) => print(&text),
        Err(reason) => support::skip("blocks", &reason),
    }
}

fn measure(cluster: &Cluster, program: &std::path::Path) -> Result<String, String> {
    let bytes = noise();
    let local = cluster.directory().join("blocks.bin");
    write_as_a_data_node(&local, &bytes).map_err(|error| format!("write {}: {error}", local.display()))?;
    cluster.put(&bytes, FILE, 1, Host::Worker(1)).map_err(|error| error.to_string())?;
    drop(bytes);
    let mut command = cluster.exec(Host::Worker(1), program);
    command.arg(&local).arg(format!("hdfs://{FILE}")).arg(ROUNDS);
    let output = command.output().map_err(|error| format!("run {}: {error}", program.display()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// In packets: what is written at once lies in larger pieces of the page cache, and is then mapped in a third of the time,
/// which would be no fault of the DataNode's descriptors.
fn write_as_a_data_node(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    bytes.chunks(PACKET).try_for_each(|packet| file.write_all(packet))
}

/// Bytes without a pattern.
fn noise() -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let words = (0..BYTES / 8).flat_map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.collect()
}

fn print(text: &str) {
    text.lines().for_each(|line| println!("  {line}"));
    let plain = cpu(text, "plain local file");
    if let Some((plain, verified)) = plain.zip(cpu(text, "short-circuit, verified")) {
        let added = verified - plain;
        println!("  short-circuit with checksums adds {added:.3} CPU-s/GB to the plain local file; goal: 0.08");
    }
    println!("  CPU of the reading process; through a socket, the DataNode's comes on top");
}

/// The third column of a way's line: its name, MB/s, CPU-seconds per GB.
fn cpu(text: &str, way: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(way)?.strip_prefix(' '))?;
    rest.split_whitespace().nth(1)?.parse().ok()
}
