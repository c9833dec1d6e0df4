//! Reads files window by window and prints their length, their CRC32C, and which ways the bytes came.
//!
//! `readcat [--set KEY=VALUE]... [--window BYTES] [--pause WINDOWS] [--copy-to URL] PATH...`: with a Hadoop configuration in the
//! environment, PATH may be an `hdfs:` URL; `--pause N` waits for a line on standard input after N windows, so that one
//! can break something in the middle of a read. `--copy-to` writes the bytes of all files to one new file.

use std::error::Error;
use std::sync::Arc;

use bobbin_blocks::{BlockReader, FileRef, HdfsOptions, ReadCounters};

struct Arguments {
    settings: Vec<(String, String)>,
    window: usize,
    pause: Option<u64>,
    copy_to: Option<String>,
    paths: Vec<String>,
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut arguments =
        Arguments { settings: Vec::new(), window: 8 << 20, pause: None, copy_to: None, paths: Vec::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
        match word.as_str() {
            "--set" => {
                let value = value()?;
                let (key, value) = value.split_once('=').ok_or("--set wants KEY=VALUE")?;
                arguments.settings.push((key.to_owned(), value.to_owned()));
            }
            "--window" => arguments.window = value()?.parse()?,
            "--pause" => arguments.pause = Some(value()?.parse()?),
            "--copy-to" => arguments.copy_to = Some(value()?),
            _ => arguments.paths.push(word),
        }
    }
    Ok(arguments)
}

fn reader(settings: &[(String, String)]) -> Result<BlockReader, Box<dyn Error>> {
    let Ok(loaded) = hadoop_client::conf::load(None) else { return Ok(BlockReader::local()) };
    let mut configuration = loaded.configuration;
    for (key, value) in settings {
        configuration.set(key, value, "--set");
    }
    Ok(BlockReader::with_hdfs(HdfsOptions { configuration, user: None })?)
}

async fn read(
    reader: &BlockReader,
    file: &FileRef,
    counters: &Arc<ReadCounters>,
    arguments: &Arguments,
) -> Result<(), Box<dyn Error>> {
    let places = reader.locations(file).await?;
    let mut open = reader.open(file, counters.clone()).await?;
    let (mut offset, mut windows) = (0, 0);
    let mut crc = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    while offset < file.len {
        let bytes = open.window(offset, arguments.window).await?;
        assert!(!bytes.is_empty(), "an empty window before the end of the file");
        crc.update(&bytes);
        offset += bytes.len() as u64;
        windows += 1;
        if arguments.pause == Some(windows) {
            println!("paused after {offset} bytes");
            std::io::stdin().read_line(&mut String::new())?;
        }
    }
    println!("{:08x} {offset:>12} {} blocks={} windows={windows}", crc.finalize(), file.url, places.len());
    Ok(())
}

async fn copy(reader: &BlockReader, arguments: &Arguments, url: &str) -> Result<u64, Box<dyn Error>> {
    let mut parts = Vec::new();
    for path in &arguments.paths {
        for file in reader.list(path).await? {
            let mut open = reader.open(&file, Arc::default()).await?;
            let mut offset = 0;
            while offset < file.len {
                let bytes = open.window(offset, arguments.window).await?;
                offset += bytes.len() as u64;
                parts.push(Ok(bytes));
            }
        }
    }
    Ok(reader.write_file(url, futures::stream::iter(parts), false).await?)
}

#[tokio::main]
async fn main() {
    if let Err(error) = run().await {
        eprint!("error: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            eprint!(": {cause}");
            source = cause.source();
        }
        eprintln!();
        std::process::exit(1);
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let arguments = arguments()?;
    let reader = reader(&arguments.settings)?;
    let counters = Arc::new(ReadCounters::default());
    for path in &arguments.paths {
        for file in reader.list(path).await? {
            read(&reader, &file, &counters, &arguments).await?;
        }
    }
    if let Some(url) = &arguments.copy_to {
        println!("{} bytes written to {url}", copy(&reader, &arguments, url).await?);
    }
    println!("{:#?}", counters.snapshot());
    Ok(())
}
