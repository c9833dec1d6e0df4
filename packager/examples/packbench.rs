//! Packs a directory and says what it cost: `packbench PREFIX ARCHIVE [LEVEL [THREADS]]`; `packbench ARCHIVE DIRECTORY/`
//! unpacks.

use std::error::Error;
use std::sync::atomic::AtomicBool;

use bobbin_packager::{PackOptions, UnpackOptions, pack, unpack};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [from, to, rest @ ..] = words.as_slice() else { return Err("packbench FROM TO [LEVEL [THREADS]]".into()) };
    if let Some(directory) = to.strip_suffix('/') {
        let unpacked = unpack(from.as_ref(), directory.as_ref(), &UnpackOptions::default(), &AtomicBool::new(false))?;
        println!("{unpacked:?}");
        return Ok(());
    }
    let mut options = PackOptions::new(from, to);
    options.force = true;
    options.without_interpreter = std::env::var_os("WITHOUT_INTERPRETER").is_some();
    options.level = rest.first().map(|level| level.parse()).transpose()?;
    if let Some(threads) = rest.get(1) {
        options.threads = threads.parse()?;
    }
    let packed = pack(&options, &AtomicBool::new(false), &mut |_| ())?;
    println!(
        "{} files, {} -> {} bytes, {:?}, {}",
        packed.preview.files, packed.preview.content, packed.bytes, packed.elapsed, packed.hash
    );
    for remain in packed.remains {
        println!("{remain:?}");
    }
    Ok(())
}
