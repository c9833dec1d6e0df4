//! The names that an executable or a library has for addresses in it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use gimli::{DwarfSections, EndianSlice, LittleEndian};
use object::{Object, ObjectSection, ObjectSymbol, ReadCache, SymbolKind};

/// Bytes that a symbol without a size may have.
const UNSIZED: u64 = 1 << 10;

/// The functions that have an instruction at one place: the one that was called, and those that the compiler has put into it.
pub(super) type Functions = Vec<Function>;

/// A function, and the place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub name: String,
    pub file: Option<String>,
    pub line: Option<u32>,
}

/// Why a file gives no names.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// It cannot be read.
    #[error("read the names of functions in {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It is something else.
    #[error("{} is neither an executable nor a library", .0.display())]
    Foreign(PathBuf),
    /// It is not the one that the samples are of.
    #[error("{} is build {found}, and the samples are of build {wanted}: name the executable that the workers were made of", path.display())]
    AnotherBuild {
        /// The file.
        path: PathBuf,
        /// Which build it is.
        found: String,
        /// Which build the workers are.
        wanted: String,
    },
    /// It was stripped.
    #[error("{} has no symbols: name the executable before it was stripped (cargo's profile: strip = false, debug = \"line-tables-only\")", .0.display())]
    NoSymbols(PathBuf),
}

/// A file with names.
pub(super) struct Program {
    path: PathBuf,
    cache: ReadCache<File>,
    identity: String,
}

impl Program {
    pub fn open(path: &Path) -> Result<Program, ResolveError> {
        let failed = |source| ResolveError::Read { path: path.to_owned(), source };
        let cache = ReadCache::new(File::open(path).map_err(failed)?);
        let identity = object::File::parse(&cache).ok().and_then(|file| bobbin_task::profile::identity(&file));
        let identity = identity.ok_or_else(|| ResolveError::Foreign(path.to_owned()))?;
        Ok(Program { path: path.to_owned(), cache, identity })
    }

    /// Which build it is.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    pub fn is_another_build(&self, wanted: &str) -> ResolveError {
        let (path, found) = (self.path.clone(), self.identity.clone());
        ResolveError::AnotherBuild { path, found, wanted: wanted.to_owned() }
    }

    /// Gives addresses the names of their functions.
    pub fn name<'a>(&self, frames: impl Iterator<Item = (u64, &'a mut Functions)>) -> Result<(), ResolveError> {
        let foreign = || ResolveError::Foreign(self.path.clone());
        let file = object::File::parse(&self.cache).map_err(|_| foreign())?;
        let symbols = Symbols::of(&file);
        let load = |section: gimli::SectionId| -> Result<Vec<u8>, gimli::Error> {
            let section = file.section_by_name(section.name()).and_then(|section| section.data().ok());
            Ok(section.map(<[u8]>::to_vec).unwrap_or_default())
        };
        let has_lines = file.section_by_name(".debug_info").is_some();
        let sections = DwarfSections::load(load).map_err(|_| foreign())?;
        let dwarf = sections.borrow(|section| EndianSlice::new(section, LittleEndian));
        let lines = addr2line::Context::from_dwarf(dwarf).ok();
        if symbols.is_empty() && !has_lines {
            return Err(ResolveError::NoSymbols(self.path.clone()));
        }
        for (address, functions) in frames {
            let symbol = symbols.find(address).map(demangled);
            let found = lines.as_ref().map(|lines| by_lines(lines, address, symbol.as_deref())).unwrap_or_default();
            let alone = || symbol.map(|name| Function { name, file: None, line: None }).into_iter().collect();
            let found = if found.is_empty() { alone() } else { found };
            // What another file knew already is no worse.
            if !found.is_empty() {
                *functions = found;
            }
        }
        Ok(())
    }
}

type Lines<'a> = addr2line::Context<EndianSlice<'a, LittleEndian>>;

/// The outermost first. Its own name, with all of its path, is that of the symbol: lines may know the functions in it alone.
fn by_lines(lines: &Lines<'_>, address: u64, symbol: Option<&str>) -> Functions {
    let Ok(mut frames) = lines.find_frames(address).skip_all_loads() else { return Vec::new() };
    let (mut functions, mut names) = (Vec::new(), Vec::new());
    while let Ok(Some(frame)) = frames.next() {
        names.push(frame.function.as_ref().and_then(|function| Some(demangled(&function.raw_name().ok()?))));
        let place = frame.location;
        let file = place.as_ref().and_then(|place| place.file).map(str::to_owned);
        functions.push(Function { name: String::new(), file, line: place.and_then(|place| place.line) });
    }
    if let (Some(outermost), Some(symbol)) = (names.last_mut(), symbol) {
        *outermost = Some(symbol.to_owned());
    }
    let named = functions.into_iter().zip(names);
    let mut functions: Functions =
        named.filter_map(|(function, name)| Some(Function { name: name?, ..function })).collect();
    functions.reverse();
    functions
}

/// Without the hash that tells versions of a crate apart.
fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

/// The symbols of a file by their addresses.
struct Symbols(Vec<(u64, u64, String)>);

impl Symbols {
    fn of<'a, R: object::ReadRef<'a>>(file: &object::File<'a, R>) -> Symbols {
        let mut rows = Vec::new();
        for symbol in file.symbols().chain(file.dynamic_symbols()) {
            if let (SymbolKind::Text, true, Ok(name)) = (symbol.kind(), symbol.is_definition(), symbol.name()) {
                rows.push((symbol.address(), symbol.size(), name.to_owned()));
            }
        }
        rows.sort_unstable();
        Symbols(rows)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The mangled name of the function at this address.
    fn find(&self, address: u64) -> Option<&str> {
        let after = self.0.partition_point(|(start, ..)| *start <= address);
        let (start, size, name) = self.0[..after].last()?;
        // Functions in assembler may have no size.
        let is_in = address - start < if *size == 0 { UNSIZED } else { *size };
        is_in.then_some(name)
    }
}
