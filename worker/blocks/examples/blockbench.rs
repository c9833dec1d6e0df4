//! MB/s and CPU-seconds per GB of each way to the same bytes, in one run.
//!
//! `blockbench LOCAL-FILE HDFS-URL [ROUNDS] [WINDOW-BYTES]`, on a host that holds all blocks of the HDFS file. Each way
//! reads all windows and adds up their words, so that the bytes really arrive; the best of ROUNDS counts.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use bobbin_blocks::{BlockReader, HdfsOptions, ReadCounters};
use rustix::time::{ClockId, clock_gettime};

/// One line of the table.
struct Way {
    name: &'static str,
    settings: &'static [(&'static str, &'static str)],
    hdfs: bool,
}

const WAYS: [Way; 4] = [
    Way { name: "plain local file", settings: &[], hdfs: false },
    Way { name: "short-circuit, verified", settings: &[], hdfs: true },
    Way {
        name: "short-circuit, not verified",
        settings: &[("dfs.client.read.shortcircuit.skip.checksum", "true")],
        hdfs: true,
    },
    Way { name: "local socket", settings: &[("dfs.client.read.shortcircuit", "false")], hdfs: true },
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(local), Some(url)) = (words.next(), words.next()) else {
        return Err("blockbench LOCAL-FILE HDFS-URL [ROUNDS] [WINDOW-BYTES]".into());
    };
    let rounds: u32 = words.next().map_or(Ok(3), |word| word.parse())?;
    let window: usize = words.next().map_or(Ok(8 << 20), |word| word.parse())?;
    println!("{:<28} {:>8} {:>10}   counters", "way", "MB/s", "CPU-s/GB");
    for way in &WAYS {
        let path = if way.hdfs { &url } else { &local };
        let mut best = Measure { seconds: f64::MAX, cpu: f64::MAX, bytes: 0, note: String::new() };
        for _ in 0..rounds {
            best = best.better_of(through_reader(way, path, window).await?);
        }
        best.print(way.name);
    }
    let mut best = Measure { seconds: f64::MAX, cpu: f64::MAX, bytes: 0, note: String::new() };
    for _ in 0..rounds {
        best = best.better_of(through_hdfs_native(&url, window).await?);
    }
    best.print("hdfs-native");
    Ok(())
}

struct Measure {
    seconds: f64,
    cpu: f64,
    bytes: u64,
    note: String,
}

impl Measure {
    fn better_of(self, other: Measure) -> Measure {
        if other.cpu < self.cpu { other } else { self }
    }

    fn print(&self, name: &str) {
        let gigabytes = self.bytes as f64 / 1e9;
        println!("{name:<28} {:>8.0} {:>10.3}   {}", gigabytes * 1e3 / self.seconds, self.cpu / gigabytes, self.note);
    }
}

async fn through_reader(way: &Way, path: &str, window: usize) -> Result<Measure, Box<dyn Error>> {
    let mut configuration = hadoop_client::conf::load(None)?.configuration;
    for (key, value) in way.settings {
        configuration.set(key, value, "blockbench");
    }
    let reader = BlockReader::with_hdfs(HdfsOptions { configuration, user: None })?;
    let counters = Arc::new(ReadCounters::default());
    let files = reader.list(path).await?;
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let (mut bytes, mut sum) = (0, 0u64);
    for file in &files {
        let mut open = reader.open(file, counters.clone()).await?;
        let mut offset = 0;
        while offset < file.len {
            let part = open.window(offset, window).await?;
            sum = sum.wrapping_add(sum_of(&part));
            offset += part.len() as u64;
        }
        bytes += offset;
    }
    let seen = counters.snapshot();
    let note = format!(
        "short-circuit {} socket {} remote {} local {} (sum {sum:x})",
        seen.short_circuit, seen.local_socket, seen.remote, seen.local_file
    );
    Ok(Measure { seconds: began.elapsed().as_secs_f64(), cpu: cpu_seconds() - cpu, bytes, note })
}

async fn through_hdfs_native(url: &str, window: usize) -> Result<Measure, Box<dyn Error>> {
    let path = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|slash| &rest[slash..]));
    let path = path.ok_or("the second argument must be an hdfs: URL")?;
    let prefix = &url[..url.len() - path.len()];
    let client = hdfs_native::ClientBuilder::new().with_url(prefix).build()?;
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let mut reader = client.read(path).await?;
    let (mut bytes, mut sum) = (0, 0u64);
    while reader.remaining() > 0 {
        let part = reader.read_bytes(window.min(reader.remaining())).await?;
        sum = sum.wrapping_add(sum_of(&part));
        bytes += part.len() as u64;
    }
    let note = format!("(sum {sum:x})");
    Ok(Measure { seconds: began.elapsed().as_secs_f64(), cpu: cpu_seconds() - cpu, bytes, note })
}

fn sum_of(bytes: &[u8]) -> u64 {
    let (words, tail) = bytes.as_chunks::<8>();
    let words = words.iter().fold(0u64, |sum, word| sum.wrapping_add(u64::from_le_bytes(*word)));
    tail.iter().fold(words, |sum, byte| sum.wrapping_add(u64::from(*byte)))
}

/// What this process has used so far, all threads.
fn cpu_seconds() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}
