//! Paths inside an archive, resolved by their text alone: nothing is looked up on this machine.

use crate::error::Defect;

/// The components of an entry's path, without `.`; refuses paths that leave the archive.
pub(crate) fn components(path: &str) -> Result<Vec<&str>, Defect> {
    if path.starts_with('/') {
        return Err(Defect::AbsolutePath);
    }
    let components: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if components.contains(&"..") {
        return Err(Defect::ParentPath);
    }
    Ok(components)
}

/// Checks that a symbolic link in the directory `parent` stays inside the archive.
pub(crate) fn check_link(parent: &[&str], target: &str) -> Result<(), Defect> {
    if target.starts_with('/') {
        return Err(Defect::AbsoluteLink { target: target.to_owned() });
    }
    let mut depth = parent.len();
    for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match (part, depth) {
            ("..", 0) => return Err(Defect::EscapingLink { target: target.to_owned() }),
            ("..", _) => depth -= 1,
            _ => depth += 1,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_are_refused() {
        assert_eq!(components("./bin//python").unwrap(), ["bin", "python"]);
        assert_eq!(components("./").unwrap(), [""; 0]);
        assert_eq!(components("/etc/passwd"), Err(Defect::AbsolutePath));
        assert_eq!(components("a/../../b"), Err(Defect::ParentPath));
        assert_eq!(components("a/..b/c").unwrap(), ["a", "..b", "c"]);
    }

    #[test]
    fn links_may_climb_as_far_as_the_root() {
        assert!(check_link(&["lib", "x"], "../../bin/python").is_ok());
        assert!(check_link(&["bin"], "python3").is_ok());
        assert!(matches!(check_link(&["bin"], "../../x"), Err(Defect::EscapingLink { .. })));
        assert!(matches!(check_link(&[], ".."), Err(Defect::EscapingLink { .. })));
        assert!(matches!(check_link(&["bin"], "/usr/bin/python3"), Err(Defect::AbsoluteLink { .. })));
    }
}
