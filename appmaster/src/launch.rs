//! What YARN is told to put into a container and to start there.

use std::collections::BTreeMap;

use hadoop_wire::credentials::Credentials;
use hadoop_wire::messages::yarn::{
    ContainerLaunchContext, LocalResource, LocalResourceType, LocalResourceVisibility, StringToLocalResource,
    StringToString, Url,
};

use crate::spec::{LocalizedFile, Visibility};

/// The parts of a launch that differ from container to container.
pub struct Launch<'a> {
    /// The executable, as it is localized: ours ([`crate::spec::EXECUTABLE`]), or a program that is a worker itself.
    pub executable: &'a str,
    /// Role of the executable: `appmaster` or `worker`. It is the whole command line: YARN pastes commands unescaped
    /// into a shell script, so everything else travels in the credentials.
    pub role: &'static str,
    /// Files to localize.
    pub resources: &'a [LocalizedFile],
    /// Environment variables, as the launch script is to hold them: see [`quote`] and [`quote_literally`].
    pub environment: &'a BTreeMap<String, String>,
    /// Tokens and secrets.
    pub credentials: &'a Credentials,
}

/// A URL that cannot be told to YARN.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a URL of the form scheme://host[:port]/path")]
pub struct BadUrl(pub String);

impl Launch<'_> {
    /// The message for the ResourceManager (application master) or a NodeManager (worker).
    ///
    /// # Errors
    /// When the URL of a resource is none.
    pub fn context(&self) -> Result<ContainerLaunchContext, BadUrl> {
        let resources = self.resources.iter().map(|file| {
            let value = Some(local_resource(file)?);
            Ok(StringToLocalResource { key: Some(file.link.clone()), value })
        });
        let environment = self
            .environment
            .iter()
            .map(|(name, value)| StringToString { key: Some(name.clone()), value: Some(value.clone()) });
        let command = format!("./{} {} 1><LOG_DIR>/stdout 2><LOG_DIR>/stderr", self.executable, self.role);
        Ok(ContainerLaunchContext {
            local_resources: resources.collect::<Result<_, _>>()?,
            environment: environment.collect(),
            command: vec![command],
            tokens: Some(self.credentials.encode()),
            ..ContainerLaunchContext::default()
        })
    }
}

/// One file as YARN wants it described.
///
/// # Errors
/// When its URL is none.
pub fn local_resource(file: &LocalizedFile) -> Result<LocalResource, BadUrl> {
    let kind = if file.archive { LocalResourceType::Archive } else { LocalResourceType::File };
    let visibility = match file.visibility {
        Visibility::Public => LocalResourceVisibility::Public,
        Visibility::Private => LocalResourceVisibility::Private,
        Visibility::Application => LocalResourceVisibility::Application,
    };
    Ok(LocalResource {
        resource: Some(url(&file.url)?),
        size: Some(i64::try_from(file.size).unwrap_or(i64::MAX)),
        timestamp: Some(file.modified_ms),
        r#type: Some(kind.into()),
        visibility: Some(visibility.into()),
        ..LocalResource::default()
    })
}

/// A URL in YARN's five parts. A missing port is -1: 0, or a missing field, is an error at the NodeManager.
fn url(text: &str) -> Result<Url, BadUrl> {
    let bad = || BadUrl(text.to_owned());
    let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
    let slash = rest.find('/').ok_or_else(bad)?;
    let (authority, path) = rest.split_at(slash);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| bad())?),
        None => (authority, -1),
    };
    Ok(Url {
        scheme: Some(scheme.to_owned()),
        host: (!host.is_empty()).then(|| host.to_owned()),
        port: Some(port),
        file: Some(path.to_owned()),
        user_info: None,
    })
}

/// A value as it must be written to arrive, but for `{{X}}` and words like `<CPS>`, which the NodeManager replaces: it puts
/// the value between double quotes into a shell script.
pub fn quote(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len());
    for character in value.chars() {
        push(&mut quoted, character);
    }
    quoted
}

/// A value as it must be written to arrive exactly as it is: inside each word that the NodeManager would replace stands an
/// empty pair of quotes, which hides it there and means nothing to the shell.
pub fn quote_literally(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len());
    let mut before = None;
    for character in value.chars() {
        let is_word = match before {
            Some('<') => true,
            Some(brace @ ('{' | '}')) => brace == character,
            _ => false,
        };
        if is_word {
            quoted.push_str("\"\"");
        }
        push(&mut quoted, character);
        before = Some(character);
    }
    quoted
}

/// One character of a text between double quotes.
fn push(quoted: &mut String, character: char) {
    if matches!(character, '"' | '$' | '`' | '\\') {
        quoted.push('\\');
    }
    quoted.push(character);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::EXECUTABLE;

    #[test]
    fn urls_become_five_parts() {
        let parts = |text| url(text).map(|url| (url.host.unwrap_or_default(), url.port.unwrap(), url.file.unwrap()));
        assert_eq!(parts("hdfs://m:9000/a/b"), Ok(("m".into(), 9000, "/a/b".into())));
        assert_eq!(parts("hdfs://ns/a"), Ok(("ns".into(), -1, "/a".into())));
        assert_eq!(parts("hdfs:///a"), Ok((String::new(), -1, "/a".into())));
        assert!(parts("/a").is_err() && parts("hdfs://m:x/a").is_err());
    }

    /// What a container gets of a value: the NodeManager's replacements, then the shell's.
    fn arrives(written: &str) -> String {
        let replaced = written.replace("<LOG_DIR>", "/logs").replace("<CPS>", ":").replace("{{", "$").replace("}}", "");
        let script = format!("HERE=/here; export X=\"{replaced}\"\nprintf %s \"$X\"");
        let output = std::process::Command::new("bash").arg("-c").arg(script).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn values_survive_the_launch_script() {
        for value in ["a \"b\" $HOME `id` \\ 'c'", "{{HERE}} }}} {{{ {{{{ {\"{", "<CPS><LOG_DIR> a<b <<CPS>> <", "{}<>"]
        {
            assert_eq!(arrives(&quote_literally(value)), value);
        }
        assert_eq!(arrives(&quote("{{HERE}}/\"x\"")), "/here/\"x\"");
    }

    #[test]
    fn the_command_line_holds_nothing_but_the_role() {
        let environment = BTreeMap::new();
        let credentials = Credentials::default();
        let executable = EXECUTABLE;
        let resources = &[];
        let launch =
            Launch { executable, role: "worker", resources, environment: &environment, credentials: &credentials };
        let context = launch.context().unwrap();
        assert_eq!(context.command, ["./yarn-submit worker 1><LOG_DIR>/stdout 2><LOG_DIR>/stderr"]);
    }
}
