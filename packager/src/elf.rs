//! What a program or library says about the libraries that it needs: its dynamic section, read without running it.

use object::LittleEndian;
use object::elf::{
    DT_NEEDED, DT_NULL, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRTAB, EM_AARCH64, EM_X86_64, FileHeader64, PT_DYNAMIC,
    PT_INTERP, PT_LOAD, ProgramHeader64,
};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};

const ENDIAN: LittleEndian = LittleEndian;
/// Length of an entry of the dynamic section.
const ENTRY: usize = 16;

/// Libraries that are the C library's own: they must fit the node's kernel and loader, so every node brings them.
const C_LIBRARY: [&str; 14] = [
    "ld-linux-x86-64.so",
    "ld-linux-aarch64.so",
    "libanl.so",
    "libBrokenLocale.so",
    "libc.so",
    "libdl.so",
    "libm.so",
    "libmvec.so",
    "libnss_",
    "libpthread.so",
    "libresolv.so",
    "librt.so",
    "libthread_db.so",
    "libutil.so",
];

/// A program or library.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Elf {
    /// For which processor, as the file says.
    pub(crate) machine: u16,
    /// Names of the libraries that it needs.
    pub(crate) needed: Vec<String>,
    /// Offsets of these names in the file.
    pub(crate) needed_at: Vec<usize>,
    /// Its own name as a library.
    pub(crate) soname: Option<String>,
    /// Where it looks for libraries.
    pub(crate) path: Option<LibraryPath>,
    /// The program that loads it.
    pub(crate) loader: Option<Vec<u8>>,
}

/// `DT_RPATH` or `DT_RUNPATH`, and where it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LibraryPath {
    /// Offset of its entry in the dynamic section.
    pub(crate) entry: usize,
    /// Offset of its text.
    pub(crate) offset: usize,
    /// Directories, with colons between them.
    pub(crate) text: Vec<u8>,
    /// Whether libraries without a path of their own use it too.
    pub(crate) is_inherited: bool,
}

/// Whether these are the first bytes of a program or library.
pub(crate) fn is_elf(content: &[u8]) -> bool {
    content.starts_with(b"\x7fELF")
}

/// Whether `name` is one of the C library's own libraries.
pub(crate) fn is_c_library(name: &str) -> bool {
    C_LIBRARY.iter().any(|library| name.starts_with(library))
}

impl Elf {
    /// Reads a 64-bit little-endian file; `None` for everything else, and for damaged ones.
    pub(crate) fn read(content: &[u8]) -> Option<Elf> {
        let header = FileHeader64::<LittleEndian>::parse(content).ok()?;
        let machine = header.e_machine(ENDIAN);
        let segments = header.program_headers(ENDIAN, content).ok()?;
        let of_kind = |kind| segments.iter().find(move |segment| segment.p_type(ENDIAN) == kind);
        let loader = of_kind(PT_INTERP).and_then(|segment| segment.data(ENDIAN, content).ok()).map(<[u8]>::to_vec);
        let mut elf = Elf { machine, loader, ..Elf::default() };
        if let Some(dynamic) = of_kind(PT_DYNAMIC) {
            elf.dynamic(content, dynamic, segments)?;
        }
        Some(elf)
    }

    /// Whether it is for a processor that bobbin runs on.
    pub(crate) fn is_native(&self) -> bool {
        self.machine == if cfg!(target_arch = "aarch64") { EM_AARCH64 } else { EM_X86_64 }
    }

    fn dynamic(
        &mut self,
        content: &[u8],
        dynamic: &ProgramHeader64<LittleEndian>,
        segments: &[ProgramHeader64<LittleEndian>],
    ) -> Option<()> {
        let start = usize::try_from(dynamic.p_offset(ENDIAN)).ok()?;
        let entries = dynamic.dynamic(ENDIAN, content).ok()??;
        let entries = || entries.iter().take_while(|entry| entry.tag32(ENDIAN) != Some(DT_NULL)).enumerate();
        let value = |tag: u32| entries().find(|(_, entry)| entry.tag32(ENDIAN) == Some(tag));
        let strings = offset_of(value(DT_STRTAB)?.1.d_val(ENDIAN), segments)?;
        let text = |value: u64| {
            let offset = usize::try_from(strings.checked_add(value)?).ok()?;
            let rest = content.get(offset..)?;
            let end = rest.iter().position(|byte| *byte == 0)?;
            Some((offset, &rest[..end]))
        };
        let name = |value: u64| text(value).map(|(_, text)| String::from_utf8_lossy(text).into_owned());
        let needed = entries().filter(|(_, entry)| entry.tag32(ENDIAN) == Some(DT_NEEDED));
        let needed: Vec<(usize, &[u8])> = needed.filter_map(|(_, entry)| text(entry.d_val(ENDIAN))).collect();
        self.needed = needed.iter().map(|(_, name)| String::from_utf8_lossy(name).into_owned()).collect();
        self.needed_at = needed.iter().map(|(offset, _)| *offset).collect();
        self.soname = value(DT_SONAME).and_then(|(_, entry)| name(entry.d_val(ENDIAN)));
        let path = value(DT_RUNPATH).or_else(|| value(DT_RPATH));
        self.path = path.and_then(|(index, entry)| {
            let (offset, text) = text(entry.d_val(ENDIAN))?;
            let is_inherited = entry.tag32(ENDIAN) == Some(DT_RPATH);
            Some(LibraryPath { entry: start + index * ENTRY, offset, text: text.to_vec(), is_inherited })
        });
        Some(())
    }
}

/// Where in the file something is that will be at `address` in memory.
fn offset_of(address: u64, segments: &[ProgramHeader64<LittleEndian>]) -> Option<u64> {
    let loaded = segments.iter().filter(|segment| segment.p_type(ENDIAN) == PT_LOAD);
    loaded.into_iter().find_map(|segment| {
        let inside = address.checked_sub(segment.p_vaddr(ENDIAN))?;
        (inside < segment.p_filesz(ENDIAN)).then(|| segment.p_offset(ENDIAN).checked_add(inside))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_program_is_read() {
        let content = std::fs::read("/proc/self/exe").unwrap();
        let elf = Elf::read(&content).unwrap();
        assert!(elf.is_native());
        assert!(elf.needed.iter().any(|name| name == "libc.so.6"), "{:?}", elf.needed);
        assert!(elf.needed.iter().any(|name| is_c_library(name)));
        assert!(!is_c_library("libcrypt.so.1") && !is_c_library("libcrypto.so.3") && !is_c_library("libgcc_s.so.1"));
        assert!(elf.loader.is_some());
    }

    #[test]
    fn damaged_files_are_refused_without_a_panic() {
        let content = std::fs::read("/proc/self/exe").unwrap();
        let head = &content[..content.len().min(1 << 14)];
        for length in (0..head.len()).step_by(37) {
            let _ = Elf::read(&head[..length]);
        }
        for position in 0..1024.min(head.len()) {
            let mut broken = head.to_vec();
            broken[position] ^= 0xff;
            let _ = Elf::read(&broken);
        }
    }
}
