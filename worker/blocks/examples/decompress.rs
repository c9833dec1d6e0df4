//! Decompresses files and says how fast: `decompress PATH...`, local paths only. Compare with `gzip -dc`,
//! `zstd -dc`, `bzip2 -dc`; the CRC32C is that of the decompressed bytes.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use bobbin_blocks::BlockReader;
use bobbin_blocks::compression::{Compression, Decompressor, frame_starts};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let reader = BlockReader::local();
    for path in std::env::args().skip(1) {
        for file in reader.list(&path).await? {
            let begin = Instant::now();
            let compression = Compression::of(&file.url);
            let mut open = reader.open(&file, Arc::default()).await?;
            compression.check(&mut open).await?;
            if compression == Compression::Zstd {
                println!("{} frames that it tells of", frame_starts(&mut open).await?.len());
            }
            let mut decompressor = Decompressor::new(open, compression);
            let (mut bytes, mut crc) = (0, crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi));
            while let Some(chunk) = decompressor.next().await? {
                bytes += chunk.bytes.len();
                crc.update(&chunk.bytes);
            }
            let seconds = begin.elapsed().as_secs_f64();
            let speed = bytes as f64 / 1e6 / seconds;
            println!("{:08x} {bytes:>12} bytes {seconds:>7.3} s {speed:>6.0} MB/s {}", crc.finalize(), file.url);
        }
    }
    Ok(())
}
