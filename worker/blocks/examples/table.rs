//! Writes files as the parts of one table: `table error|overwrite|append URL ID PATH...`. With a Hadoop configuration in
//! the environment, URL may be on HDFS. A path with `=` in its directories keeps them: `k=1/a.csv` becomes a partition.
//! Standard input is read before the commit, so that one can look at the staging directory, or end the process.

use std::error::Error;
use std::sync::Arc;

use bobbin_blocks::output::{Output, OutputMode, Part, PartName, PartWriter, Staging};
use bobbin_blocks::partition::{directory, values_of};
use bobbin_blocks::{BlockReader, HdfsOptions};

async fn part(reader: &BlockReader, staging: &Staging, number: usize, path: &str) -> Result<Part, Box<dyn Error>> {
    let values = values_of(path);
    let directories: Vec<String> = values.iter().map(|(column, value)| directory(column, value.as_deref())).collect();
    let (stem, directory) = (format!("part-{number:05}"), directories.join("/"));
    let name = PartName { directory: &directory, stem: &stem, extension: "csv" };
    let mut writer = PartWriter::create(reader, staging, name, "0").await?;
    let file = reader.list(path).await?.remove(0);
    let mut open = reader.open(&file, Arc::default()).await?;
    while writer.written() < file.len {
        writer.write(open.window(writer.written(), 8 << 20).await?).await?;
    }
    Ok(writer.finish(0).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [mode, url, id, paths @ ..] = words.as_slice() else { return Err("table MODE URL ID PATH...".into()) };
    let mode = match mode.as_str() {
        "error" => OutputMode::Error,
        "overwrite" => OutputMode::Overwrite,
        "append" => OutputMode::Append,
        other => return Err(format!("{other} is none of error, overwrite, append").into()),
    };
    let reader = match hadoop_client::conf::load(None) {
        Ok(loaded) => BlockReader::with_hdfs(HdfsOptions { configuration: loaded.configuration, user: None })?,
        Err(_) => BlockReader::local(),
    };
    let output = Output::begin(&reader, url, mode, id).await?;
    let staging = output.staging();
    let mut parts = Vec::new();
    for (number, path) in paths.iter().enumerate() {
        parts.push(part(&reader, &staging, number, path).await?);
    }
    println!("{} parts in {}; enter commits them", parts.len(), staging.url);
    std::io::stdin().read_line(&mut String::new())?;
    output.commit(&parts).await?;
    for file in reader.list_table(url).await? {
        println!("{} bytes {} {:?}", file.file.len, file.file.url, file.partitions);
    }
    Ok(())
}
