//! Paths inside an archive, resolved by their bytes alone: nothing is looked up on this machine.

use crate::error::Defect;

/// The longest path that a file system takes, bytes.
pub(crate) const LONGEST: usize = 4095;
/// The longest name, bytes.
const NAME: usize = 255;

/// The components of an entry's path, without `.`; refuses paths that leave the archive.
pub(crate) fn components(path: &[u8]) -> Result<Vec<&[u8]>, Defect> {
    if path.starts_with(b"/") {
        return Err(Defect::AbsolutePath);
    }
    if path.contains(&0) || path.len() > LONGEST {
        return Err(Defect::Nul);
    }
    let components: Vec<&[u8]> = parts(path).collect();
    if components.iter().any(|name| name.len() > NAME) {
        return Err(Defect::Nul);
    }
    if components.contains(&&b".."[..]) {
        return Err(Defect::ParentPath);
    }
    Ok(components)
}

/// Checks that a symbolic link in the directory `parent` stays inside the archive.
pub(crate) fn check_link(parent: &[&[u8]], target: &[u8]) -> Result<(), Defect> {
    if target.is_empty() || target.contains(&0) || target.len() > LONGEST {
        return Err(Defect::Nul);
    }
    if target.starts_with(b"/") {
        return Err(Defect::AbsoluteLink { target: text(target) });
    }
    let mut depth = parent.len();
    for part in parts(target) {
        match (part, depth) {
            (b"..", 0) => return Err(Defect::EscapingLink { target: text(target) }),
            (b"..", _) => depth -= 1,
            _ => depth += 1,
        }
    }
    Ok(())
}

/// For messages.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_are_refused() {
        assert_eq!(components(b"./bin//python").unwrap(), [&b"bin"[..], b"python"]);
        assert_eq!(components(b"./").unwrap(), [&b""[..]; 0]);
        assert_eq!(components(b"/etc/passwd"), Err(Defect::AbsolutePath));
        assert_eq!(components(b"a/../../b"), Err(Defect::ParentPath));
        assert_eq!(components(b"a/..b/c").unwrap(), [&b"a"[..], b"..b", b"c"]);
        assert_eq!(components(b"a\0b"), Err(Defect::Nul));
        assert_eq!(components(&[b'a'; 256]), Err(Defect::Nul));
        assert_eq!(components(&b"a/".repeat(2048)), Err(Defect::Nul));
    }

    #[test]
    fn links_may_climb_as_far_as_the_root() {
        assert!(check_link(&[b"lib", b"x"], b"../../bin/python").is_ok());
        assert!(check_link(&[b"bin"], b"python3").is_ok());
        assert!(matches!(check_link(&[b"bin"], b"../../x"), Err(Defect::EscapingLink { .. })));
        assert!(matches!(check_link(&[], b".."), Err(Defect::EscapingLink { .. })));
        assert!(matches!(check_link(&[b"bin"], b"/usr/bin/python3"), Err(Defect::AbsoluteLink { .. })));
    }
}
