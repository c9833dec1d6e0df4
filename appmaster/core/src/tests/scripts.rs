//! Every file of `scripts/` is run and must give the actions that it says. `BOBBIN_BLESS=1` writes them anew: read the
//! difference before you commit it.

use std::fs;
use std::path::Path;

use super::script;

#[test]
fn every_script_gives_its_actions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/scripts");
    let bless = std::env::var_os("BOBBIN_BLESS").is_some();
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() > 10, "the scripts are gone from {}", folder.display());
    for path in names {
        let expected = fs::read_to_string(&path).unwrap();
        let really = script::run(&expected);
        if bless {
            fs::write(&path, &really).unwrap();
        } else {
            assert_eq!(really, expected, "{} (left: what happened)", path.display());
        }
    }
}
