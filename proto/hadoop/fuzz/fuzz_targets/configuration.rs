//! Configuration files.
#![no_main]

use hadoop_wire::config::{Configuration, ResourceManagerService};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut configuration = Configuration::default();
    let mut include = |_: &str, href: &str| Ok((href.to_owned(), text.to_owned()));
    if configuration.add_file("fuzz", text, &mut include).is_ok() {
        let _ = configuration.to_map();
        let _ = configuration.default_file_system();
        let _ = configuration.resource_managers(ResourceManagerService::Client);
    }
});
