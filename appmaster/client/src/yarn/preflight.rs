//! Asking before uploading: would the cluster take this request?

use std::collections::BTreeSet;

use hadoop_client::rpc::CallError;
use hadoop_wire::messages::yarn::{NodeReport, NodeState, QueueAcl, QueueInfo, QueueState, QueueUserAcls, Resource};
use hadoop_wire::names::{ApplicationId, IncompleteId};

use super::cluster::Cluster;
use super::request::{Container, Request};

/// What matters of the cluster for a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Largest container that the scheduler grants.
    pub largest: Container,
    /// The queue that the request names.
    pub queue: Option<Queue>,
    /// Queues that take applications.
    pub queues: Vec<String>,
    /// Whether the user may submit to the queue, where the ResourceManager says so.
    pub may_submit: Option<bool>,
    /// Nodes that take containers.
    pub nodes: Vec<Node>,
}

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Whether it takes new applications.
    pub is_running: bool,
    /// Queues below it; one that has some takes no applications itself.
    pub children: Vec<String>,
}

/// A node that takes containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Memory for containers, MiB.
    pub memory_mib: u64,
    /// Its labels.
    pub labels: Vec<String>,
}

/// Why the cluster would not take a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such queue.
    #[error("queue {queue} does not exist; name another with --queue: {}", list(known))]
    NoQueue {
        /// As the request names it.
        queue: String,
        /// Queues that take applications.
        known: Vec<String>,
    },
    /// The queue only groups others.
    #[error(
        "queue {queue} takes no applications itself; name one of the queues below it with --queue: {}",
        list(children)
    )]
    ParentQueue {
        /// As the request names it.
        queue: String,
        /// Queues below it.
        children: Vec<String>,
    },
    /// The queue is stopped.
    #[error("queue {queue} is stopped and takes no applications; name another with --queue: {}", list(known))]
    StoppedQueue {
        /// As the request names it.
        queue: String,
        /// Queues that take applications.
        known: Vec<String>,
    },
    /// The user may not submit there.
    #[error(
        "{user} may not submit to queue {queue}; name another with --queue or ask for the right \
         (yarn.scheduler.capacity.<queue>.acl_submit_applications)"
    )]
    NotPermitted {
        /// Who.
        user: String,
        /// Where.
        queue: String,
    },
    /// No container of this size is ever granted.
    #[error(
        "{option} {asked} is more than the cluster's largest container of {largest} ({key}); ask for less, or have the maximum raised"
    )]
    TooLarge {
        /// The option that asks: `--worker-memory`.
        option: &'static str,
        /// What it asks for.
        asked: String,
        /// The limit.
        largest: String,
        /// Where the limit comes from, with its configuration key.
        key: &'static str,
    },
    /// No node is alive.
    #[error("the cluster has no live node; nothing can run until a NodeManager registers (see yarn node -list -all)")]
    NoNodes,
    /// Nodes are alive, but none carries the label.
    #[error(
        "no live node carries the label {label}; name another with --node-label: {}, or leave it out \
         (yarn rmadmin -replaceLabelsOnNode gives labels to nodes)",
        list(known)
    )]
    NoLabel {
        /// The node label that was asked for.
        label: String,
        /// Labels that live nodes carry.
        known: Vec<String>,
    },
    /// No live node has room for the container even when it is empty.
    #[error(
        "{option} {asked} MiB is more than any live node{} has: the largest has {largest} MiB for containers \
         (yarn.nodemanager.resource.memory-mb); ask for less, or wait for a larger node",
        with_label(label)
    )]
    NoNodeFits {
        /// The option that asks.
        option: &'static str,
        /// What it asks for.
        asked: u64,
        /// The largest node's memory.
        largest: u64,
        /// The node label that was asked for.
        label: Option<String>,
    },
}

/// The request cannot be submitted, or the cluster cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// The cluster would not take it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The ResourceManager does not answer.
    #[error("ask the ResourceManager")]
    Call(#[from] CallError),
    /// The ResourceManager gave no usable application id.
    #[error("ask the ResourceManager for an application id")]
    NoId(#[from] IncompleteId),
}

/// Asks for an application id and for what matters to the request, all at once, and checks the request against it.
pub async fn preflight(cluster: &Cluster, request: &Request) -> Result<ApplicationId, PreflightError> {
    let manager = cluster.resource_manager();
    let (new, nodes, queue, root, acls) = tokio::join!(
        manager.new_application(),
        manager.nodes(&[NodeState::Running]),
        manager.queue(&request.queue),
        manager.queue("root"),
        manager.queue_acls(),
    );
    let (new, nodes) = (new?, nodes?);
    let facts = Facts {
        largest: container(new.maximum_capability.unwrap_or_default()),
        queue: known_queue(queue)?.map(|queue| queue_facts(&queue)),
        queues: root.ok().flatten().map(|root| leaves(&root)).unwrap_or_default(),
        may_submit: acls.ok().and_then(|acls| may_submit(&acls, &request.queue)),
        nodes: nodes.iter().map(node_facts).collect(),
    };
    check(request, &facts, cluster.user())?;
    Ok(ApplicationId::try_from(&new.application_id.unwrap_or_default())?)
}

/// Checks a request against what the cluster is. What only time can tell, such as a full queue, is no refusal.
pub fn check(request: &Request, facts: &Facts, user: &str) -> Result<(), Refusal> {
    check_queue(request, facts, user)?;
    if facts.nodes.is_empty() {
        return Err(Refusal::NoNodes);
    }
    let label = request.node_label.clone().filter(|label| !label.is_empty());
    let usable = |node: &&Node| label.as_ref().is_none_or(|label| node.labels.contains(label));
    let Some(largest) = facts.nodes.iter().filter(usable).map(|node| node.memory_mib).max() else {
        return Err(Refusal::NoLabel { label: label.unwrap_or_default(), known: labels(&facts.nodes) });
    };
    check_container(["--worker-memory", "--worker-cores"], request.worker, facts)?;
    check_container(["--master-memory", "--master-cores"], request.master, facts)?;
    for (option, asked) in
        [("--worker-memory", request.worker.memory_mib), ("--master-memory", request.master.memory_mib)]
    {
        if asked > largest {
            return Err(Refusal::NoNodeFits { option, asked, largest, label });
        }
    }
    Ok(())
}

fn check_queue(request: &Request, facts: &Facts, user: &str) -> Result<(), Refusal> {
    let (queue, known) = (request.queue.clone(), facts.queues.clone());
    match &facts.queue {
        None => return Err(Refusal::NoQueue { queue, known }),
        Some(found) if !found.children.is_empty() => {
            return Err(Refusal::ParentQueue { queue, children: found.children.clone() });
        }
        Some(found) if !found.is_running => return Err(Refusal::StoppedQueue { queue, known }),
        Some(_) => {}
    }
    if facts.may_submit == Some(false) {
        return Err(Refusal::NotPermitted { user: user.to_owned(), queue });
    }
    Ok(())
}

fn check_container([memory, cores]: [&'static str; 2], asked: Container, facts: &Facts) -> Result<(), Refusal> {
    if asked.memory_mib > facts.largest.memory_mib {
        // The scheduler's maximum is never more than its largest node has: then it is the node that has to grow.
        let of_a_node = facts.nodes.iter().any(|node| node.memory_mib == facts.largest.memory_mib);
        let node = "what its largest live node has: yarn.nodemanager.resource.memory-mb";
        return Err(Refusal::TooLarge {
            option: memory,
            asked: format!("{} MiB", asked.memory_mib),
            largest: format!("{} MiB", facts.largest.memory_mib),
            key: if of_a_node { node } else { "the scheduler's maximum: yarn.scheduler.maximum-allocation-mb" },
        });
    }
    if asked.cores > facts.largest.cores {
        return Err(Refusal::TooLarge {
            option: cores,
            asked: asked.cores.to_string(),
            largest: format!("{} cores", facts.largest.cores),
            key: "the scheduler's maximum: yarn.scheduler.maximum-allocation-vcores",
        });
    }
    Ok(())
}

/// Some schedulers answer an unknown queue with an exception instead of nothing.
fn known_queue(answer: Result<Option<QueueInfo>, CallError>) -> Result<Option<QueueInfo>, CallError> {
    match answer {
        Err(error) if error.remote().is_some() && !error.is_unreachable() => Ok(None),
        other => other,
    }
}

fn queue_facts(queue: &QueueInfo) -> Queue {
    Queue {
        is_running: queue.state.is_none_or(|state| state == QueueState::Running as i32),
        children: queue.child_queues.iter().flat_map(leaves).collect(),
    }
}

fn leaves(queue: &QueueInfo) -> Vec<String> {
    if queue.child_queues.is_empty() {
        return queue.queue_name.iter().cloned().collect();
    }
    queue.child_queues.iter().flat_map(leaves).collect()
}

/// The user's rights in a queue. Queues are named by path or by its last part, depending on the scheduler; where one name
/// may mean two queues, only the ResourceManager knows.
fn may_submit(acls: &[QueueUserAcls], queue: &str) -> Option<bool> {
    let the_only = |fits: &dyn Fn(&str) -> bool| {
        let mut found = acls.iter().filter(|acls| acls.queue_name.as_deref().is_some_and(fits));
        found.next().filter(|_| found.next().is_none())
    };
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let is_path = |name: &str| name.contains('.');
    let exact = the_only(&|name| name == queue);
    let short = || the_only(&|name| last(name) == last(queue) && !(is_path(name) && is_path(queue)));
    Some(exact.or_else(short)?.user_acls.contains(&(QueueAcl::SubmitApplications as i32)))
}

fn node_facts(node: &NodeReport) -> Node {
    let memory = node.capability.as_ref().and_then(|capability| capability.memory).unwrap_or_default();
    Node { memory_mib: u64::try_from(memory).unwrap_or_default(), labels: node.node_labels.clone() }
}

/// The labels of nodes, each once.
fn labels(nodes: &[Node]) -> Vec<String> {
    let all: BTreeSet<&String> = nodes.iter().flat_map(|node| &node.labels).filter(|label| !label.is_empty()).collect();
    all.into_iter().cloned().collect()
}

fn container(resource: Resource) -> Container {
    Container {
        cores: resource.virtual_cores.and_then(|cores| u32::try_from(cores).ok()).unwrap_or(u32::MAX),
        memory_mib: resource.memory.and_then(|memory| u64::try_from(memory).ok()).unwrap_or(u64::MAX),
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "(none is known)".to_owned() } else { names.join(", ") }
}

fn with_label(label: &Option<String>) -> String {
    label.as_ref().map(|label| format!(" with label {label}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::request::tests::request;
    use super::*;

    fn facts() -> Facts {
        Facts {
            largest: Container { cores: 4, memory_mib: 8192 },
            queue: Some(Queue { is_running: true, children: Vec::new() }),
            queues: vec!["default".to_owned(), "etl".to_owned()],
            may_submit: Some(true),
            nodes: vec![
                Node { memory_mib: 4096, labels: vec!["gpu".to_owned()] },
                Node { memory_mib: 6000, labels: vec![] },
            ],
        }
    }

    fn refusal(change: impl FnOnce(&mut Request, &mut Facts)) -> String {
        let (mut request, mut facts) = (request(), facts());
        change(&mut request, &mut facts);
        check(&request, &facts, "alice").unwrap_err().to_string()
    }

    #[test]
    fn what_fits_is_taken() {
        assert_eq!(check(&request(), &facts(), "alice"), Ok(()));
        let unknown_rights = Facts { may_submit: None, ..facts() };
        assert_eq!(check(&request(), &unknown_rights, "alice"), Ok(()));
    }

    #[test]
    fn each_refusal_names_the_thing_and_the_way_out() {
        let text = refusal(|_, facts| facts.queue = None);
        assert_eq!(text, "queue default does not exist; name another with --queue: default, etl");
        let text = refusal(|_, facts| facts.queue = Some(Queue { is_running: true, children: vec!["a".to_owned()] }));
        assert!(text.contains("takes no applications itself") && text.ends_with(": a"), "{text}");
        let text = refusal(|_, facts| facts.queue = Some(Queue { is_running: false, children: vec![] }));
        assert!(text.contains("is stopped"), "{text}");
        let text = refusal(|_, facts| facts.may_submit = Some(false));
        assert!(text.starts_with("alice may not submit to queue default"), "{text}");
        let text = refusal(|request, _| request.worker.memory_mib = 9216);
        assert!(text.contains("--worker-memory 9216 MiB") && text.contains("maximum-allocation-mb"), "{text}");
        let text = refusal(|request, _| request.worker.cores = 5);
        assert!(text.contains("--worker-cores 5") && text.contains("maximum-allocation-vcores"), "{text}");
        let text = refusal(|_, facts| facts.nodes.clear());
        assert!(text.contains("no live node;"), "{text}");
        let text = refusal(|request, _| request.worker.memory_mib = 7000);
        assert!(text.starts_with("--worker-memory 7000 MiB") && text.contains("the largest has 6000 MiB"), "{text}");
        let text = refusal(|request, facts| {
            facts.largest.memory_mib = 6000;
            request.master.memory_mib = 7000;
        });
        assert!(text.contains("largest container of 6000 MiB") && text.contains("nodemanager.resource"), "{text}");
        let text = refusal(|request, _| request.node_label = Some("fpga".to_owned()));
        assert!(text.contains("no live node carries the label fpga") && text.contains("--node-label: gpu"), "{text}");
        let text = refusal(|request, _| {
            request.node_label = Some("gpu".to_owned());
            request.worker.memory_mib = 5000;
        });
        assert!(text.contains("any live node with label gpu has: the largest has 4096 MiB"), "{text}");
    }

    #[test]
    fn rights_are_found_by_the_name_as_far_as_it_is_clear() {
        let acls =
            |name: &str, rights: Vec<i32>| QueueUserAcls { queue_name: Some(name.to_owned()), user_acls: rights };
        let submit = QueueAcl::SubmitApplications as i32;
        let all = [acls("root", vec![]), acls("root.default", vec![submit]), acls("etl", vec![])];
        assert_eq!(may_submit(&all, "default"), Some(true));
        assert_eq!(may_submit(&all, "root.etl"), Some(false));
        assert_eq!(may_submit(&all, "other"), None);
        let two = [acls("root.a.etl", vec![]), acls("root.b.etl", vec![submit])];
        assert_eq!(may_submit(&two, "root.b.etl"), Some(true));
        assert_eq!(may_submit(&two, "root.a.etl"), Some(false));
        assert_eq!(may_submit(&two, "root.c.etl"), None);
        assert_eq!(may_submit(&two, "etl"), None);
        let short = [acls("etl", vec![]), acls("etl", vec![submit])];
        assert_eq!(may_submit(&short, "etl"), None);
        assert_eq!(may_submit(&short, "root.a.etl"), None);
    }
}
