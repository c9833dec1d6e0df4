//! The member `payload` of an event: each type has a shape of its own.

use std::fmt::Write as _;

use super::super::Random;
use super::things::{Moment, Repository, User, digest, nullable_text, text};
use super::{BEGIN, TYPES};

/// Appends the payload of an event of this type. Writing to a string cannot fail.
pub(super) fn append(line: &mut String, kind: &str, random: &mut Random, about: (&User, &Repository)) {
    let (actor, repository) = about;
    debug_assert!(TYPES.iter().any(|(name, _)| *name == kind));
    match kind {
        "Push" => push(line, random, repository),
        "Create" => create(line, random),
        "Delete" => delete(line, random),
        "Watch" => line.push_str(r#"{"action":"started"}"#),
        "IssueComment" => issue_comment(line, random, (actor, repository)),
        "Issues" => issues(line, random, repository),
        "PullRequest" => pull_request(line, random, (actor, repository)),
        "Fork" => fork(line, random),
        "Gollum" => gollum(line, random, repository),
        _ => member(line, random),
    }
}

fn push(line: &mut String, random: &mut Random, repository: &Repository) {
    let count = 1 + random.rank(4);
    let (push, head, before) = (random.below(1 << 30), digest(random), digest(random));
    let _ = write!(line, r#"{{"push_id":{push},"size":{count},"distinct_size":{count},"ref":"refs/heads/master","#);
    let _ = write!(line, r#""head":"{head}","before":"{before}","commits":["#);
    for index in 0..count {
        let (sha, author) = (digest(random), User::draw(random).login());
        let comma = if index > 0 { "," } else { "" };
        let _ =
            write!(line, r#"{comma}{{"sha":"{sha}","author":{{"email":"{author}@example.com","name":"{author}"}},"#);
        line.push_str(r#""message":"#);
        let words = 3 + random.exponential(5.0) as u64;
        text(line, random, words);
        let _ = write!(line, r#","distinct":true,"url":"{}/commits/{sha}"}}"#, repository.url());
    }
    line.push_str("]}");
}

fn create(line: &mut String, random: &mut Random) {
    let name = random.one_of(&["null", "\"master\"", "\"develop\"", "\"v1.0\""]);
    let kind = random.one_of(&["repository", "branch", "tag"]);
    let _ = write!(line, r#"{{"ref":{name},"ref_type":"{kind}","master_branch":"master","description":"#);
    nullable_text(line, random, 6);
    line.push_str(r#","pusher_type":"user"}"#);
}

fn delete(line: &mut String, random: &mut Random) {
    let number = random.below(1000);
    let _ = write!(line, r#"{{"ref":"feature-{number}","ref_type":"branch","pusher_type":"user"}}"#);
}

/// Appends a long text, as the body of issues and comments.
fn body(line: &mut String, random: &mut Random) {
    let words = 20 + random.exponential(80.0) as u64;
    text(line, random, words);
}

fn issue(line: &mut String, random: &mut Random, repository: &Repository) {
    let (number, url) = (1 + random.rank(5_000), repository.url());
    let _ =
        write!(line, r#"{{"url":"{url}/issues/{number}","id":{},"number":{number},"title":"#, random.below(1 << 26));
    text(line, random, 6);
    line.push_str(r#","user":"#);
    User::draw(random).append(line);
    line.push_str(r#","labels":["#);
    for index in 0..random.below(3) {
        let (comma, label) = (if index > 0 { "," } else { "" }, random.one_of(&["bug", "enhancement", "question"]));
        let _ = write!(line, r#"{comma}{{"url":"{url}/labels/{label}","name":"{label}","color":"fc2929"}}"#);
    }
    let (state, comments) = (random.one_of(&["open", "closed"]), random.rank(40));
    let _ =
        write!(line, r#"],"state":"{state}","locked":false,"assignee":null,"milestone":null,"comments":{comments},"#);
    let _ = write!(line, r#""created_at":"{}","body":"#, Moment(BEGIN - random.below(40_000)));
    body(line, random);
    line.push('}');
}

fn issues(line: &mut String, random: &mut Random, repository: &Repository) {
    let _ = write!(line, r#"{{"action":"{}","issue":"#, random.one_of(&["opened", "closed", "reopened"]));
    issue(line, random, repository);
    line.push('}');
}

fn issue_comment(line: &mut String, random: &mut Random, about: (&User, &Repository)) {
    let (actor, repository) = about;
    line.push_str(r#"{"action":"created","issue":"#);
    issue(line, random, repository);
    let id = random.below(1 << 27);
    let _ = write!(line, r#","comment":{{"url":"{}/issues/comments/{id}","id":{id},"user":"#, repository.url());
    actor.append(line);
    line.push_str(r#","body":"#);
    body(line, random);
    line.push_str("}}");
}

fn pull_request(line: &mut String, random: &mut Random, about: (&User, &Repository)) {
    let (actor, repository) = about;
    let (number, url) = (1 + random.rank(3_000), repository.url());
    let action = random.one_of(&["opened", "closed", "synchronize"]);
    let _ = write!(line, r#"{{"action":"{action}","number":{number},"pull_request":{{"url":"{url}/pulls/{number}","#);
    let _ = write!(line, r#""id":{},"number":{number},"state":"open","title":"#, random.below(1 << 25));
    text(line, random, 7);
    line.push_str(r#","user":"#);
    actor.append(line);
    line.push_str(r#","body":"#);
    body(line, random);
    for side in ["head", "base"] {
        let _ = write!(line, r#","{side}":{{"label":"master","ref":"master","sha":"{}","repo":"#, digest(random));
        repository.append(line, random);
        line.push('}');
    }
    let (merged, commits, added) = (random.once_in(3), 1 + random.rank(30), random.rank(5_000));
    let _ = write!(line, r#","merged":{merged},"commits":{commits},"additions":{added},"deletions":{}}}}}"#, added / 3);
}

fn fork(line: &mut String, random: &mut Random) {
    line.push_str(r#"{"forkee":"#);
    Repository::draw(random).append(line, random);
    line.push('}');
}

fn gollum(line: &mut String, random: &mut Random, repository: &Repository) {
    let (page, sha) = (random.one_of(&["Home", "Install", "FAQ"]), digest(random));
    let _ = write!(line, r#"{{"pages":[{{"page_name":"{page}","title":"{page}","summary":null,"action":"edited","#);
    let _ = write!(line, r#""sha":"{sha}","html_url":"https://example.com/{}/wiki/{page}"}}]}}"#, repository.name());
}

fn member(line: &mut String, random: &mut Random) {
    line.push_str(r#"{"member":"#);
    User::draw(random).append(line);
    line.push_str(r#","action":"added"}"#);
}
