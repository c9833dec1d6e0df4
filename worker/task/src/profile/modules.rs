//! What code this process has in its memory: which files, which builds, and the tables by which their frames are unwound.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use framehop::{ExplicitModuleSectionInfo, Unwinder};
use object::{Object, ObjectSection, ObjectSegment, ReadCache, ReadRef, SectionKind};
use sha2::{Digest, Sha256};

use super::samples::Module;

/// The file that this process runs, also when another one is at its path by now.
pub const IMAGE: &str = "/proc/self/exe";
/// What the kernel has put there itself.
const VDSO: &str = "[vdso]";
/// Bytes of a module that is read from memory, at most.
const MOST_IN_MEMORY: u64 = 1 << 20;
/// Bytes of code that are hashed at once.
const PIECE: u64 = 1 << 20;

/// Unwinds the frames of this process.
pub(super) type Tables = framehop::UnwinderNative<Vec<u8>, framehop::MayAllocateDuringUnwind>;

/// Which build a file is: its build id or, where the linker has made none, a hash of its code. Symbols are no part of it.
pub type Identity = String;

/// Code in memory.
struct Mapped {
    addresses: Range<u64>,
    /// What the file's own addresses have to be lowered by, and raised by, to be those in memory.
    base: u64,
    file_base: u64,
    module: Module,
}

/// All code of this process.
pub(super) struct Modules {
    mapped: Vec<Mapped>,
    pub tables: Tables,
}

/// Where a file is in memory.
struct Region {
    path: String,
    addresses: Range<u64>,
    /// Has it code?
    runs: bool,
}

impl Modules {
    /// Those that are here now. Files that cannot be read are known by their names alone.
    pub fn here() -> io::Result<Modules> {
        let program = std::fs::read_link(IMAGE)?.display().to_string();
        let mut modules = Modules { mapped: Vec::new(), tables: Tables::new() };
        for region in regions(BufReader::new(File::open("/proc/self/maps")?))? {
            modules.add(&region, region.path == program);
        }
        Ok(modules)
    }

    /// The module at this address, and the address as its file counts it.
    pub fn find(&self, address: u64) -> Option<(&Module, u64)> {
        let found = self.mapped.iter().find(|mapped| mapped.addresses.contains(&address))?;
        Some((&found.module, address - found.base + found.file_base))
    }

    fn add(&mut self, region: &Region, is_program: bool) {
        if !region.runs {
            return;
        }
        let (base, addresses) = (region.addresses.start, region.addresses.clone());
        let mut mapped = Mapped {
            addresses: addresses.clone(),
            base,
            file_base: 0,
            module: Module { path: region.path.clone(), identity: String::new(), is_program },
        };
        let read = if region.path == VDSO {
            memory(&region.addresses).ok().and_then(|bytes| read(bytes.as_slice()))
        } else {
            let path = if is_program { IMAGE } else { &region.path };
            File::open(path).ok().and_then(|file| read(&ReadCache::new(file)))
        };
        if let Some((file_base, identity, sections)) = read {
            mapped.file_base = file_base;
            mapped.module.identity = identity;
            self.tables.add_module(framehop::Module::new(region.path.clone(), addresses, base, sections));
        }
        self.mapped.push(mapped);
    }
}

/// The files in `/proc/self/maps`, each from its first address to its last one.
fn regions(maps: impl BufRead) -> io::Result<Vec<Region>> {
    let mut regions: Vec<Region> = Vec::new();
    for line in maps.lines() {
        let line = line?;
        let mut words = line.split_ascii_whitespace();
        let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
        // Offset, device, inode; the path may have blanks in it.
        let Some(inode) = words.nth(2) else { continue };
        let Some(path) = line.find('/').or_else(|| line.find('[')).map(|start| &line[start..]) else { continue };
        if inode == "0" && path != VDSO {
            continue;
        }
        let number = |text| u64::from_str_radix(text, 16).ok();
        let Some((Some(start), Some(end))) = range.split_once('-').map(|(start, end)| (number(start), number(end)))
        else {
            continue;
        };
        let runs = rights.as_bytes().get(2) == Some(&b'x');
        match regions.last_mut().filter(|last| last.path == path) {
            Some(last) => {
                last.addresses.end = end;
                last.runs |= runs;
            }
            None => regions.push(Region { path: path.to_owned(), addresses: start..end, runs }),
        }
    }
    for region in &mut regions {
        // The file was replaced or removed: the one that is in memory has no other name any more.
        if let Some(path) = region.path.strip_suffix(" (deleted)") {
            region.path = path.to_owned();
        }
    }
    Ok(regions)
}

fn memory(addresses: &Range<u64>) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; (addresses.end - addresses.start).min(MOST_IN_MEMORY) as usize];
    File::open("/proc/self/mem")?.read_exact_at(&mut bytes, addresses.start)?;
    Ok(bytes)
}

/// The lowest address of a file, which build it is, and its tables.
fn read<'a>(data: impl ReadRef<'a>) -> Option<(u64, Identity, ExplicitModuleSectionInfo<Vec<u8>>)> {
    let file = object::File::parse(data).ok()?;
    let lowest = file.segments().map(|segment| segment.address()).min()?;
    let range = |name| file.section_by_name(name).map(|section| section.address()..section.address() + section.size());
    let bytes = |name| Some(file.section_by_name(name)?.data().ok()?.to_vec());
    let base_svma = lowest & !0xfff;
    let sections = ExplicitModuleSectionInfo {
        base_svma,
        text_svma: range(".text"),
        got_svma: range(".got"),
        eh_frame_svma: range(".eh_frame"),
        eh_frame: bytes(".eh_frame"),
        eh_frame_hdr_svma: range(".eh_frame_hdr"),
        eh_frame_hdr: bytes(".eh_frame_hdr"),
        ..ExplicitModuleSectionInfo::default()
    };
    Some((base_svma, identity(&file)?, sections))
}

/// Which build a file is; nothing if it has no code.
pub fn identity<'a>(file: &impl Object<'a>) -> Option<Identity> {
    if let Ok(Some(id)) = file.build_id() {
        return Some(hexadecimal(id));
    }
    let mut hash = Sha256::new();
    let mut code = file.sections().filter(|section| section.kind() == SectionKind::Text).peekable();
    code.peek()?;
    for section in code {
        let mut from = section.address();
        let end = from + section.size();
        while from < end {
            let piece = section.data_range(from, (end - from).min(PIECE)).ok()??;
            hash.update(piece);
            from += piece.len().max(1) as u64;
        }
    }
    Some(format!("code-{}", hexadecimal(&hash.finalize()[..20])))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_function_is_in_the_program() {
        let modules = Modules::here().unwrap();
        let here = this_function_is_in_the_program as fn() as usize as u64;
        let (module, address) = modules.find(here).expect("it is code");
        assert!(module.is_program && !module.identity.is_empty(), "{module:?}");
        assert!(address < 1 << 40, "an address of the file: {address:x}");
        assert!(modules.find(8).is_none());
        assert!(modules.mapped.iter().any(|mapped| mapped.module.path.contains("/libc")), "libraries are known, too");
    }

    #[test]
    fn files_lie_in_memory_in_pieces() {
        let maps = "10000-11000 r--p 00000000 08:01 7 /a b/c\n11000-13000 r-xp 00001000 08:01 7 /a b/c\n\
                    20000-21000 rw-p 00000000 00:00 0 [heap]\n30000-31000 r--p 0 08:01 9 /data (deleted)\n\
                    40000-41000 r-xp 00000000 00:00 0 [vdso]\nnonsense\n";
        let found = regions(maps.as_bytes()).unwrap();
        let shown: Vec<_> = found.iter().map(|row| (row.path.as_str(), row.addresses.clone(), row.runs)).collect();
        let expected = [
            ("/a b/c", 0x10000..0x13000, true),
            ("/data", 0x30000..0x31000, false),
            ("[vdso]", 0x40000..0x41000, true),
        ];
        assert_eq!(shown, expected);
    }
}
