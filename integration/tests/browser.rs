//! The tracking page in a real browser, through the ResourceManager's real proxy.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "support/chromium.rs"]
mod chromium;
mod support;

use std::io::Read;
use std::process::{Child, Stdio};
use std::time::Duration;

use chromium::Page;
use integration::cluster::{Cluster, Host};
use integration::{shared, wait};
use serde_json::{Value, json};
use support::{done, trips, yarn_submit};

const LIMIT: Duration = Duration::from_secs(60);
const MANAGER: &str = "http://master.hadoop.test:8088";
/// Both are programs where they are not escaped.
const NAME: &str = "<script>document.title='broken'</script>";
const FILE: &str = "<img src=x onerror=document.title=0>.csv";
/// Every row meets every row: this has tasks that are done and one that is not before long.
const ENDLESS: &str = "SELECT count(*) FROM 'hdfs:///user/alice/FILE' a JOIN 'hdfs:///user/alice/FILE' b \
                       ON a.fare_amount + b.tip_amount > 1e9";

/// A query that does not end by itself.
struct Endless {
    id: String,
    driver: Child,
}

impl Endless {
    fn start(cluster: &Cluster) -> Endless {
        cluster.put(&trips(12 << 20), &format!("/user/alice/{FILE}"), 1, Host::Edge).unwrap();
        let mut command = yarn_submit(cluster);
        command.args(["sql", "--name", NAME, "--workers", "1", "--worker-memory", "512MiB", "--split-size", "512KiB"]);
        command.arg(ENDLESS.replace("FILE", FILE));
        let mut driver = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let id = wait::until(LIMIT, || {
            if driver.try_wait().unwrap().is_some() {
                let mut said = String::new();
                driver.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                panic!("the query has ended:\n{said}");
            }
            let apps = cluster.resource_manager("/ws/v1/cluster/apps?states=RUNNING").ok()?;
            let mut apps = apps["apps"]["app"].as_array()?.iter();
            apps.find(|app| app["name"] == NAME)?["id"].as_str().map(str::to_owned)
        });
        Endless { id: id.unwrap(), driver }
    }

    /// The page at the proxy, as people write it: without a slash at the end.
    fn url(&self) -> String {
        format!("{MANAGER}/proxy/{}", self.id)
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        // Killed by the test already, most of the time.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The number that the page shows beside a word.
fn count(word: &str) -> String {
    format!(
        "Number([...document.querySelectorAll('dt')].find(e => e.textContent === '{word}')?.nextSibling.textContent)"
    )
}

#[test]
fn the_page_shows_a_running_query_and_says_when_it_is_over() {
    let Some(cluster) = shared() else { return };
    let query = Endless::start(cluster);
    let Some(mut page) = Page::open(cluster, &query.url()) else { return };

    // It refreshes itself until all splits are read and the rest is running.
    page.wait(&format!("{} >= 24 && {} >= 1", count("done"), count("running")));
    page.wait("document.querySelectorAll('tbody tr').length >= 2");
    assert_eq!(page.value(&count("failed, tried again")), 0);
    let local = page.value(&format!("{} + {} + {}", count("node-local"), count("rack-local"), count("remote")));
    assert_eq!(local, page.value(&count("done")));

    let text = page.value("document.body.innerText").as_str().unwrap().to_owned();
    for word in [&query.id, NAME, FILE, "alice", "attempt 1", "application master", "worker 1", ".hadoop.test"] {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }
    assert_ne!(page.value("document.title"), "broken");
    assert_eq!(page.value("document.querySelectorAll('main img, main script').length"), 0);

    its_links_lead_somewhere(cluster, &mut page, &query);
    it_loads_only_itself(&mut page, &query);
    it_suits_narrow_and_dark_screens(&mut page);
    it_says_when_nobody_answers(&mut page);

    done(yarn_submit(cluster).args(["kill", &query.id])).expect(0);
    page.wait("!document.getElementById('gone').hidden");
    page.wait("document.getElementById('gone').innerText.includes('The application is over')");
    assert_eq!(page.value("document.querySelector('main h1').innerText"), NAME, "the last state stays");

    // Later visitors find the ResourceManager's page.
    page.go(&query.url());
    page.wait(&format!("location.pathname === '/cluster/app/{}'", query.id));
    page.wait("document.body.innerText.includes('KILLED')");
}

fn its_links_lead_somewhere(cluster: &Cluster, page: &mut Page, query: &Endless) {
    let links = page.value("[...document.querySelectorAll('main a')].map(link => link.href)");
    let links: Vec<&str> = links.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(links.iter().any(|link| link.contains("/node/containerlogs/container_")), "{links:?}");
    for link in links {
        assert_eq!(cluster.get(Host::Edge, link).unwrap().status, 200, "{link}");
    }
    let json = cluster.get(Host::Edge, &format!("{}?format=json", query.url())).unwrap();
    let state: Value = serde_json::from_slice(&json.body).unwrap();
    assert_eq!(state["containers"][0]["state"], "application master");
}

fn it_loads_only_itself(page: &mut Page, query: &Endless) {
    let loaded = "[...new Set(performance.getEntriesByType('resource').map(entry => entry.name))]";
    // Again, and again: that is how it refreshes itself.
    page.wait("performance.getEntriesByType('resource').length >= 2");
    assert_eq!(page.value(loaded), json!([query.url()]));
}

fn it_suits_narrow_and_dark_screens(page: &mut Page) {
    let narrow = json!({ "width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": false });
    page.call("Emulation.setDeviceMetricsOverride", &narrow);
    page.wait("innerWidth === 400");
    let root = "document.documentElement";
    assert_eq!(page.value(&format!("{root}.scrollWidth - {root}.clientWidth")), 0, "nothing sticks out");
    let ground = "getComputedStyle(document.body).backgroundColor";
    let bright = page.value(ground);
    let dark = json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
    page.call("Emulation.setEmulatedMedia", &dark);
    assert_ne!(page.value(ground), bright);
}

fn it_says_when_nobody_answers(page: &mut Page) {
    page.call("Network.enable", &json!({}));
    let network =
        |offline: bool| json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    page.call("Network.emulateNetworkConditions", &network(true));
    page.wait("document.getElementById('gone').innerText.includes('does not answer')");
    page.call("Network.emulateNetworkConditions", &network(false));
    page.wait("document.getElementById('gone').hidden");
}
