//! What was found, thing by thing.

use serde_json::{Value, json};

use crate::exit::Exit;
use crate::terminal;

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It works.
    Ok,
    /// Submissions work without it, slower or with less.
    Warning,
    /// Submissions do not work.
    Failed,
}

/// One thing and how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The thing.
    pub name: &'static str,
    /// How it is.
    pub health: Health,
    /// What was seen.
    pub detail: String,
    /// What to do; empty where nothing needs doing.
    pub advice: String,
}

/// All findings; prints each as it comes, unless they are wanted as JSON.
#[derive(Debug)]
pub struct Report {
    findings: Vec<Finding>,
    is_silent: bool,
    exit: Exit,
}

impl Health {
    fn word(self) -> &'static str {
        match self {
            Health::Ok => "ok",
            Health::Warning => "warning",
            Health::Failed => "FAILED",
        }
    }
}

impl Finding {
    /// For people: one line, and a second one with the advice.
    pub fn text(&self) -> String {
        let mut text = format!("{:<8} {:<20} {}", self.health.word(), self.name, self.detail);
        if !self.advice.is_empty() {
            text.push_str(&format!("\n{:<29} to do: {}", "", self.advice));
        }
        text
    }

    /// For scripts.
    pub fn json(&self) -> Value {
        let health = self.health.word().to_lowercase();
        json!({ "check": self.name, "health": health, "detail": self.detail, "advice": self.advice })
    }
}

impl Report {
    /// An empty report.
    pub fn new(is_silent: bool) -> Report {
        Report { findings: Vec::new(), is_silent, exit: Exit::Code(0) }
    }

    /// Something works.
    pub fn ok(&mut self, name: &'static str, detail: impl Into<String>) {
        self.add(Finding { name, health: Health::Ok, detail: detail.into(), advice: String::new() });
    }

    /// Something could be better.
    pub fn warning(&mut self, name: &'static str, detail: impl Into<String>, advice: impl Into<String>) {
        self.add(Finding { name, health: Health::Warning, detail: detail.into(), advice: advice.into() });
    }

    /// Something does not work. The first such thing gives the exit code.
    pub fn failed(&mut self, name: &'static str, exit: Exit, detail: &str, advice: &str) {
        if self.exit == Exit::Code(0) {
            self.exit = exit;
        }
        let (detail, advice) = (detail.to_owned(), advice.to_owned());
        self.add(Finding { name, health: Health::Failed, detail, advice });
    }

    /// What was found so far.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The exit code of the command.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    fn add(&mut self, finding: Finding) {
        if !self.is_silent {
            terminal::say(finding.text());
        }
        self.findings.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_gives_the_exit_code() {
        let mut report = Report::new(true);
        report.ok("user", "alice");
        assert_eq!(report.exit().code(), 0);
        report.warning("short-circuit", "off", "turn it on");
        report.failed("queue", Exit::Usage, "queue x does not exist", "name another");
        report.failed("staging", Exit::Permission, "not permitted", "ask");
        assert_eq!(report.exit().code(), 64);
        assert_eq!(report.findings()[0].text(), "ok       user                 alice");
        let text = report.findings()[2].text();
        assert_eq!(
            text,
            format!("FAILED   queue                queue x does not exist\n{:<29} to do: name another", "")
        );
        assert_eq!(report.findings()[2].json()["health"], "failed");
    }
}
