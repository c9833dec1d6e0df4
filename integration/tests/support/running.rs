//! A `yarn-submit` on its way on the gateway, the application that it has submitted, and that application's processes.

use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use integration::cluster::{Cluster, Host};
use integration::process::Process;
use integration::wait;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;

use super::{Done, yarn_submit};

/// How long something that should happen soon may take on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);
/// Tasks that are done in the middle of a query.
const MIDDLE: u64 = 5;

/// A `yarn-submit` that has been started, told apart by the name of its application.
pub struct Running<'a> {
    cluster: &'a Cluster,
    name: String,
    child: Child,
}

/// A process of an application, and where it runs.
pub struct Member {
    pub host: Host,
    pub process: Process,
}

impl<'a> Running<'a> {
    /// Starts a subcommand that submits, on the gateway.
    pub fn start(cluster: &'a Cluster, subcommand: &str, words: &[&str]) -> Self {
        Self::start_with(cluster, subcommand, words, Stdio::inherit())
    }

    /// Starts a subcommand that submits, and to which more can be said.
    pub fn start_talking(cluster: &'a Cluster, subcommand: &str, words: &[&str]) -> Self {
        Self::start_with(cluster, subcommand, words, Stdio::piped())
    }

    fn start_with(cluster: &'a Cluster, subcommand: &str, words: &[&str], input: Stdio) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut command = yarn_submit(cluster);
        command.args([subcommand, "--name", &name]).args(words);
        let child = command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Running { cluster, name, child }
    }

    /// Says something to it.
    pub fn say(&mut self, text: &str) {
        self.child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Waits until a line of its messages holds `wanted`.
    pub fn hear(&mut self, wanted: &str) {
        let (mut line, mut all) = (Vec::new(), String::new());
        let messages = self.child.stderr.as_mut().unwrap();
        loop {
            let mut byte = [0];
            let mut waiting = [PollFd::new(&*messages, PollFlags::IN)];
            let limit = Timespec { tv_sec: 2 * LIMIT.as_secs() as i64, tv_nsec: 0 };
            let is_silent = poll(&mut waiting, Some(&limit)).unwrap() == 0;
            if is_silent {
                self.child.kill().unwrap();
                panic!("it does not say {wanted:?}, but:\n{all}");
            }
            assert!(messages.read(&mut byte).unwrap() == 1, "it never said {wanted:?}, but:\n{all}");
            line.push(byte[0]);
            if byte[0] == b'\n' {
                let said = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
                if said.contains(wanted) {
                    return;
                }
                all += &said;
            }
        }
    }

    /// Its application's id, once the ResourceManager has it.
    pub fn id(&self) -> Option<String> {
        let apps = self.cluster.resource_manager("/ws/v1/cluster/apps").ok()?;
        let app = apps["apps"]["app"].as_array()?.iter().find(|app| app["name"] == self.name.as_str())?;
        app["id"].as_str().map(str::to_owned)
    }

    /// Its application's id, waited for.
    pub fn wait_id(&mut self) -> String {
        let id = wait::until(LIMIT, || self.id());
        id.unwrap_or_else(|| panic!("nothing was submitted:\n{}", self.words_if_ended()))
    }

    /// The application's processes that have one of our roles.
    pub fn role(&self, role: &str) -> Vec<Member> {
        let id = self.id().unwrap();
        let mut all = members(self.cluster, &id);
        all.retain(|member| member.process.arguments.get(1).is_some_and(|word| word == role));
        all
    }

    /// Waits until tasks are being done. A query that ends before that says why.
    pub fn wait_middle(&mut self) {
        let id = self.wait_id();
        let middle = wait::until(2 * LIMIT, || {
            if self.child.try_wait().unwrap().is_some() {
                return Some(false);
            }
            (self.state(&id)?["jobs"][0]["done"].as_u64()? >= MIDDLE).then_some(true)
        });
        assert!(middle == Some(true), "the query has no middle:\n{}", self.words_if_ended());
    }

    /// The tracking page's JSON, through the ResourceManager's proxy.
    fn state(&self, id: &str) -> Option<Value> {
        let url = format!("http://master.hadoop.test:8088/proxy/{id}/api/state");
        let response = self.cluster.get(Host::Edge, &url).ok()?;
        serde_json::from_slice(&response.body).ok()
    }

    fn words_if_ended(&mut self) -> String {
        let mut said = String::new();
        if self.child.try_wait().unwrap().is_some() {
            self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        }
        said
    }

    /// Kills `yarn-submit` itself.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub fn ends(self) -> Done {
        let output = self.child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Done { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// Every process in an application's containers.
pub fn members(cluster: &Cluster, application: &str) -> Vec<Member> {
    let containers = format!("{}_", application.trim_start_matches("application"));
    let on = |host| cluster.processes_in(host).into_iter().map(move |process| Member { host, process });
    let all = cluster.workers().flat_map(on);
    all.filter(|member| member.variable("CONTAINER_ID").is_some_and(|id| id.contains(&containers))).collect()
}

/// Fails the test when processes of an application stay.
pub fn nothing_stays(cluster: &Cluster, application: &str) {
    let gone = wait::until(LIMIT, || members(cluster, application).is_empty().then_some(()));
    let left: Vec<Vec<String>> =
        members(cluster, application).into_iter().map(|member| member.process.arguments).collect();
    assert!(gone.is_some(), "{application} is over, and this runs on: {left:?}");
}

impl Member {
    /// A variable of its environment.
    pub fn variable(&self, name: &str) -> Option<String> {
        let environment = std::fs::read(format!("/proc/{}/environ", self.process.identity.pid())).ok()?;
        let prefix = format!("{name}=");
        let mut all = environment.split(|&byte| byte == 0).map(String::from_utf8_lossy);
        all.find_map(|pair| pair.strip_prefix(&prefix).map(str::to_owned))
    }

    /// The TCP ports that it listens on.
    pub fn listens_on(&self) -> Vec<u16> {
        let pid = self.process.identity.pid();
        let table = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap_or_default();
        let own: Vec<String> = std::fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten()
            .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()?.to_str().map(str::to_owned))
            .collect();
        let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.filter(|row| row.len() > 9 && row[3] == "0A" && own.contains(&format!("socket:[{}]", row[9])))
            .filter_map(|row| u16::from_str_radix(row[1].rsplit(':').next()?, 16).ok())
            .collect()
    }

    /// The logs that its container has written so far.
    pub fn logs(&self, cluster: &Cluster) -> String {
        let container = self.variable("CONTAINER_ID").unwrap();
        let directories = cluster.container_logs(self.host);
        let directory = directories.iter().find(|directory| directory.ends_with(&container)).unwrap();
        let files = std::fs::read_dir(directory).unwrap().flatten();
        files.map(|file| std::fs::read_to_string(file.path()).unwrap_or_default()).collect()
    }
}
