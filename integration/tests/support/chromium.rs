//! A browser on the gateway, spoken to in its own debugging protocol: JSON messages, each with a zero byte behind it,
//! over a pair of pipes.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use integration::cluster::{Cluster, Host};
use integration::{skip, wait};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a page may take to become what it should be.
const LIMIT: Duration = Duration::from_secs(60);

/// Opens the pipes as descriptors 3 and 4, which is where the browser looks for them.
const START: &str = "exec chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --remote-debugging-pipe \
    --user-data-dir=\"$0\" about:blank 3<\"$0/in\" 4>\"$0/out\"";

/// A page in a running browser, which ends with this value.
pub struct Page {
    browser: Child,
    /// Its profile and pipes.
    _directory: TempDir,
    requests: File,
    answers: BufReader<File>,
    session: String,
    number: u64,
}

impl Page {
    /// A page at an address. `None`, after saying why, where there is no browser.
    pub fn open(cluster: &Cluster, url: &str) -> Option<Page> {
        if !is_installed() {
            skip("no chromium on the PATH, which shows the tracking page (Debian: apt-get install chromium)");
            return None;
        }
        // The cluster's own directory is the same path on every host.
        let directory = tempfile::tempdir_in(cluster.directory()).unwrap();
        let pipe = |name: &str| directory.path().join(name);
        let made = Command::new("mkfifo").args([pipe("in"), pipe("out")]).status().unwrap();
        assert!(made.success());
        let mut command = cluster.exec(Host::Edge, "bash");
        command.args(["-c", START]).arg(directory.path());
        let browser = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let requests = File::options().write(true).open(pipe("in")).unwrap();
        let answers = BufReader::new(File::open(pipe("out")).unwrap());
        let mut page = Page { browser, _directory: directory, requests, answers, session: String::new(), number: 0 };
        let target = page.call("Target.createTarget", &json!({ "url": url }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        page.session = page.call("Target.attachToTarget", &attach)["sessionId"].as_str().unwrap().to_owned();
        Some(page)
    }

    /// Goes to an address.
    pub fn go(&mut self, url: &str) {
        self.call("Page.navigate", &json!({ "url": url }));
    }

    /// The value of an expression in the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true });
        self.call("Runtime.evaluate", &parameters)["result"]["value"].clone()
    }

    /// Waits until an expression is true; fails the test with the page's text when it does not become so.
    pub fn wait(&mut self, expression: &str) {
        let came = wait::until(LIMIT, || (self.value(expression) == json!(true)).then_some(()));
        if came.is_none() {
            panic!("{expression} does not become true:\n{}", self.value("document.body.innerText"));
        }
    }

    /// One call of the protocol; events that come in between are of no interest.
    pub fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.number += 1;
        let mut request = json!({ "id": self.number, "method": method, "params": parameters });
        if !self.session.is_empty() {
            request["sessionId"] = json!(self.session);
        }
        self.requests.write_all(format!("{request}\0").as_bytes()).unwrap();
        loop {
            let mut bytes = Vec::new();
            let length = self.answers.read_until(0, &mut bytes).unwrap();
            assert!(length > 0, "the browser has ended");
            let answer: Value = serde_json::from_slice(&bytes[..length - 1]).unwrap();
            if answer["id"] == json!(self.number) {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // It may have ended by itself, and its children end with it.
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}

fn is_installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder: PathBuf| folder.join("chromium")).any(|file| file.is_file())
}
