//! Configuration files as administrators write them, and as they break them.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use hadoop_wire::config::{
    Configuration, ConfigurationError, DurationUnit, Endpoint, FileSystem, ResourceManagerService,
};
use proptest::prelude::*;

fn no_include(_: &str, href: &str) -> Result<(String, String), Box<dyn Error + Send + Sync>> {
    Err(format!("{href} does not exist").into())
}

fn file(properties: &str) -> String {
    format!("<?xml version=\"1.0\"?>\n<!-- site -->\n<configuration>\n{properties}\n</configuration>\n")
}

fn property(key: &str, value: &str) -> String {
    format!("<property><name>{key}</name><value>{value}</value></property>")
}

fn configuration(properties: &[(&str, &str)]) -> Configuration {
    let body: String = properties.iter().map(|(key, value)| property(key, value)).collect();
    let environment = [("USER", "alice"), ("HOME", "/home/alice"), ("EMPTY", ""), ("DIR", "/opt")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut configuration = Configuration::with_environment(environment);
    configuration.add_file("site.xml", &file(&body), &mut no_include).unwrap();
    configuration
}

fn broken(text: &str) -> ConfigurationError {
    Configuration::default().add_file("/etc/hadoop/site.xml", text, &mut no_include).unwrap_err()
}

/// The error and its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[test]
fn later_files_win_except_over_finals() {
    let mut configuration = Configuration::default();
    let first =
        file(&format!("{}<property><name>b</name><value>1</value><final>true</final></property>", property("a", "1")));
    let second = file(&format!("{}{}", property("a", "2"), property("b", "2")));
    configuration.add_file("core-site.xml", &first, &mut no_include).unwrap();
    configuration.add_file("yarn-site.xml", &second, &mut no_include).unwrap();
    assert_eq!((configuration.get("a").as_deref(), configuration.source("a")), (Some("2"), Some("yarn-site.xml")));
    assert_eq!((configuration.get("b").as_deref(), configuration.source("b")), (Some("1"), Some("core-site.xml")));
    configuration.set("b", " 3 ", "--conf");
    assert_eq!((configuration.get("b").as_deref(), configuration.source("b")), (Some("3"), Some("--conf")));
}

#[test]
fn spellings_of_values() {
    let body = "<property><name> a </name><value>\n x &amp; &#65;<![CDATA[<y>]]> \n</value></property>\
                <property name=\"b\" value=\"1 &lt; 2\" final=\"true\"/>\
                <property><name>c</name><value></value></property>\
                <property><name>d</name></property><property><value>lost</value></property>\
                <property><name>fs.default.name</name><value>hdfs://old</value></property>";
    let mut configuration = Configuration::default();
    configuration.add_file("f", &file(body), &mut no_include).unwrap();
    assert_eq!(configuration.get("a").as_deref(), Some("x & A<y>"));
    assert_eq!(configuration.get("b").as_deref(), Some("1 < 2"));
    assert_eq!(configuration.get("c").as_deref(), Some(""));
    assert_eq!(configuration.get("d"), None);
    assert_eq!(configuration.get("fs.defaultFS").as_deref(), Some("hdfs://old"));
    assert_eq!(configuration.get("fs.default.name").as_deref(), Some("hdfs://old"));
}

#[test]
fn substitution() {
    let check = |raw: &str, expected: &str| {
        let configuration = configuration(&[("host", "h"), ("deep", "${host}.example"), ("key", raw)]);
        assert_eq!(configuration.get("key").as_deref(), Some(expected), "{raw}");
    };
    check("${host}:8020", "h:8020");
    check("${deep}/${host}", "h.example/h");
    check("/tmp/hadoop-${user.name}", "/tmp/hadoop-alice");
    check("${env.DIR}/x", "/opt/x");
    check("${env.EMPTY-d}|${env.EMPTY:-d}|${env.NONE-d}|${env.NONE:-}", "|d|d|");
    check("${env.NONE}", "${env.NONE}");
    check("${unknown}/${host}", "${unknown}/h");
    check("${${inner}", "${${inner}");
    check("$host } { $", "$host } { $");
}

#[test]
fn values_that_refer_to_themselves_end() {
    let configuration = configuration(&[("a", "${b}"), ("b", "${a}"), ("c", "x${c}${c}")]);
    let error = configuration.try_get("a").unwrap_err();
    assert!(error.to_string().starts_with("value of a (from site.xml) refers to itself"), "{error}");
    assert_eq!(configuration.get("a").as_deref(), Some("${b}"));
    assert!(configuration.try_get("c").is_err());
}

#[test]
fn includes_and_their_fallbacks() {
    let files = BTreeMap::from([
        ("common.xml", file(&property("a", "included"))),
        ("loop.xml", file("<xi:include href=\"loop.xml\"/>")),
    ]);
    let mut load = |_: &str, href: &str| match files.get(href) {
        Some(text) => Ok((format!("/conf/{href}"), text.clone())),
        None => no_include("", href),
    };
    let mut configuration = Configuration::default();
    let body = "<xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" href=\"common.xml\"/>\
                <include href=\"none.xml\"><fallback><property><name>b</name><value>2</value></property></fallback></include>";
    configuration.add_file("site.xml", &file(body), &mut load).unwrap();
    assert_eq!(
        (configuration.get("a").as_deref(), configuration.source("a")),
        (Some("included"), Some("/conf/common.xml"))
    );
    assert_eq!(configuration.get("b").as_deref(), Some("2"));
    let missing = configuration.add_file("site.xml", &file("\n<include href=\"none.xml\"/>"), &mut load).unwrap_err();
    let expected = "read configuration site.xml, line 5: include none.xml: none.xml does not exist";
    assert_eq!(chain(&missing), expected);
    let endless = configuration.add_file("site.xml", &file("<include href=\"loop.xml\"/>"), &mut load).unwrap_err();
    assert!(chain(&endless).contains("include each other"), "{}", chain(&endless));
}

#[test]
fn broken_files_name_file_and_line() {
    let check = |text: &str, line: usize, words: &str| {
        let error = broken(text);
        let told = chain(&error);
        assert!(told.starts_with(&format!("read configuration /etc/hadoop/site.xml, line {line}")), "{told}");
        assert!(told.contains(words), "{told}");
    };
    check("", 1, "no <configuration>");
    check("\n\n<html>\n</html>", 3, "root element is <html>");
    check("<configuration>\n<property>\n", 2, "<property> is not closed");
    check("<configuration>\n<property>\n</name></property></configuration>", 3, "not well-formed");
    check("<configuration>\n\n<name>&nbsp;</name></configuration>", 3, "&nbsp; is unknown");
    check("<configuration/>\n<more/>", 2, "<more> follows the end");
    check("<configuration><include/></configuration>", 1, "no href");
    check(&"<configuration>\n".repeat(40), 33, "nested too deep");
}

#[test]
fn typed_values() {
    let configuration = configuration(&[
        ("n", "4k"),
        ("x", "0x10"),
        ("t", "TRUE"),
        ("d", "5m"),
        ("bare", "30"),
        ("l", " a, ,b ,"),
        ("bad", "7q"),
    ]);
    assert_eq!(configuration.get_u64("n", 1), Ok(4096));
    assert_eq!(configuration.get_u64("x", 1), Ok(16));
    assert_eq!(configuration.get_u64("none", 1), Ok(1));
    assert_eq!(configuration.get_bool("t", false), Ok(true));
    let seconds = |key| configuration.get_duration(key, DurationUnit::Seconds, Duration::ZERO);
    assert_eq!((seconds("d"), seconds("bare")), (Ok(Duration::from_secs(300)), Ok(Duration::from_secs(30))));
    assert_eq!(configuration.get_list("l"), ["a", "b"]);
    let expected = "bad is \"7q\" (from site.xml), must be a number such as 64, 128m or 1g";
    assert_eq!(configuration.get_u64("bad", 1).unwrap_err().to_string(), expected);
    assert!(configuration.get_bool("bad", true).is_err() && seconds("bad").is_err());
}

fn shown<E: Error + 'static>(endpoints: Result<Vec<Endpoint>, E>) -> Vec<String> {
    match endpoints {
        Ok(endpoints) => endpoints.iter().map(Endpoint::to_string).collect(),
        Err(error) => vec![error.to_string()],
    }
}

#[test]
fn resource_managers() {
    let check = |properties: &[(&str, &str)], service, expected: &[&str]| {
        assert_eq!(shown(configuration(properties).resource_managers(service)), expected);
    };
    let (client, scheduler) = (ResourceManagerService::Client, ResourceManagerService::Scheduler);
    let alone = [("yarn.resourcemanager.hostname", "rm.example"), ("yarn.resourcemanager.address", "rm:9000")];
    check(&alone, client, &["rm:9000 (from yarn.resourcemanager.address)"]);
    check(&alone, scheduler, &["rm.example:8030 (from yarn.resourcemanager.hostname)"]);
    check(&[("yarn.resourcemanager.address", "rm")], client, &["rm:8032 (from yarn.resourcemanager.address)"]);
    let pair = [
        ("yarn.resourcemanager.ha.enabled", "true"),
        ("yarn.resourcemanager.ha.rm-ids", "rm1, rm2"),
        ("yarn.resourcemanager.hostname.rm1", "a"),
        ("yarn.resourcemanager.address.rm2", "b:1"),
    ];
    check(
        &pair,
        client,
        &["a:8032 (from yarn.resourcemanager.hostname.rm1)", "b:1 (from yarn.resourcemanager.address.rm2)"],
    );
    check(
        &pair,
        scheduler,
        &["no ResourceManager is configured: yarn.resourcemanager.hostname.rm2 is not set; \
                               does HADOOP_CONF_DIR name the cluster's configuration?"],
    );
    check(
        &[("yarn.resourcemanager.address", "rm:x")],
        client,
        &["yarn.resourcemanager.address is \"rm:x\" (from site.xml), must be host:port"],
    );
}

#[test]
fn name_nodes() {
    let configuration = configuration(&[
        ("fs.defaultFS", "hdfs://cluster/"),
        ("dfs.nameservices", "cluster,single,host"),
        ("dfs.ha.namenodes.cluster", "nn1,nn2"),
        ("dfs.namenode.rpc-address.cluster.nn1", "a:8020"),
        ("dfs.namenode.rpc-address.cluster.nn2", "b"),
        ("dfs.namenode.rpc-address.single", "c:9000"),
    ]);
    let authority = configuration.default_file_system().unwrap().authority;
    let cluster =
        ["a:8020 (from dfs.namenode.rpc-address.cluster.nn1)", "b:8020 (from dfs.namenode.rpc-address.cluster.nn2)"];
    assert_eq!(shown(configuration.name_nodes(&authority, "fs.defaultFS")), cluster);
    assert_eq!(
        shown(configuration.name_nodes("single", "fs.defaultFS")),
        ["c:9000 (from dfs.namenode.rpc-address.single)"]
    );
    assert_eq!(shown(configuration.name_nodes("host", "fs.defaultFS")), ["host:8020 (from fs.defaultFS)"]);
    assert_eq!(shown(configuration.name_nodes("h:1", "hdfs://h:1/x")), ["h:1 (from hdfs://h:1/x)"]);
    assert_eq!(shown(configuration.name_nodes("[::1]:1", "p")), ["[::1]:1 (from p)"]);
}

#[test]
fn default_file_system() {
    let check = |value: &str| configuration(&[("fs.defaultFS", value)]).default_file_system();
    assert_eq!(check("hdfs://h:1/x").unwrap(), FileSystem { scheme: "hdfs".into(), authority: "h:1".into() });
    assert_eq!(Configuration::default().default_file_system().unwrap().scheme, "file");
    let error = check("h:8020").unwrap_err().to_string();
    assert!(error.starts_with("fs.defaultFS is \"h:8020\" (from site.xml), must be a URL"), "{error}");
    assert!(check("hdfs:///").is_err());
}

#[test]
fn shipped_values_are_resolved() {
    let shipped = Configuration::from_map(configuration(&[("a", "${env.DIR}/${user.name}")]).to_map());
    assert_eq!(shipped.get("a").as_deref(), Some("/opt/alice"));
    assert_eq!(shipped.source("a"), Some("the configuration of the submitting client"));
}

proptest! {
    #[test]
    fn garbage_never_panics(text in "\\PC*", value in "[${}a.env:\\-]*") {
        let _ = Configuration::default().add_file("f", &text, &mut no_include);
        let _ = Configuration::default().add_file("f", &file(&text), &mut no_include);
        let mut configuration = Configuration::default();
        configuration.set("a", &value, "test");
        let _ = (configuration.get("a"), configuration.get_u64("a", 0), configuration.default_file_system());
        let _ = configuration.name_nodes(&text, "test");
    }

    #[test]
    fn elements_in_any_order_never_panic(pieces in proptest::collection::vec(piece(), 0..12)) {
        let _ = Configuration::default().add_file("f", &file(&pieces.concat()), &mut no_include);
    }
}

fn piece() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "<property>",
        "</property>",
        "<name>",
        "</name>",
        "a",
        "<value>",
        "</value>",
        "<final>true</final>",
        "&amp;",
        "&#0;",
        "&#x110000;",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<xi:include href='x'>",
        "</xi:include>",
        "<?x",
        "<a b=>",
        "</configuration>",
        "<!DOCTYPE x>",
    ])
}
