//! Who the user is for a cluster without Kerberos, as Hadoop's own tools decide it.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;

/// Nothing says who we are.
#[derive(Debug, thiserror::Error)]
#[error("no user name: user id {uid} is not in /etc/passwd and neither USER nor LOGNAME is set; set HADOOP_USER_NAME")]
pub struct NoUserError {
    /// Our user id.
    pub uid: u32,
}

/// `HADOOP_USER_NAME`, else the name of the process's user, else `USER`, else `LOGNAME`.
///
/// # Errors
/// None of them is there.
pub fn user() -> Result<String, NoUserError> {
    let variable = |name| std::env::var(name).ok().map(|value| (name, value));
    let variables = ["HADOOP_USER_NAME", "USER", "LOGNAME"].into_iter().filter_map(variable).collect();
    // The owner of its own entry in /proc is the process's user.
    let uid = std::fs::metadata("/proc/self").map_or(u32::MAX, |entry| entry.uid());
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    choose(&variables, uid, &passwd)
}

fn choose(variables: &BTreeMap<&str, String>, uid: u32, passwd: &str) -> Result<String, NoUserError> {
    let variable = |name| variables.get(name).filter(|value| !value.is_empty()).cloned();
    variable("HADOOP_USER_NAME")
        .or_else(|| name_of(uid, passwd))
        .or_else(|| variable("USER"))
        .or_else(|| variable("LOGNAME"))
        .ok_or(NoUserError { uid })
}

/// `name:password:uid:...`
fn name_of(uid: u32, passwd: &str) -> Option<String> {
    let uid = uid.to_string();
    let entry = passwd.lines().find(|line| line.split(':').nth(2) == Some(&uid))?;
    entry.split(':').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n";

    fn chosen(pairs: &[(&'static str, &str)], uid: u32) -> Option<String> {
        choose(&pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(), uid, PASSWD).ok()
    }

    #[test]
    fn the_first_that_is_there_wins() {
        let all = [("HADOOP_USER_NAME", "bob"), ("USER", "carol"), ("LOGNAME", "dave")];
        assert_eq!(chosen(&all, 1000).as_deref(), Some("bob"));
        assert_eq!(chosen(&all[1..], 1000).as_deref(), Some("alice"));
        assert_eq!(chosen(&all[1..], 7).as_deref(), Some("carol"));
        assert_eq!(chosen(&all[2..], 7).as_deref(), Some("dave"));
        assert_eq!(chosen(&[("HADOOP_USER_NAME", "")], 7), None);
    }
}
