//! Between YARN's messages and the core's events: plain functions.

use bobbin_core::{AskRow, Capability, Event, Grant, Node, Place, RequestId};
use hadoop_wire::messages::yarn;
use hadoop_wire::names;

use crate::application::{Sighting, container_number};
use crate::web::LogPages;

/// Priority of all our requests; requests are told apart by their allocation request id.
const PRIORITY: i32 = 1;

/// What all containers for workers have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Kind {
    /// Memory and cores.
    pub capability: Capability,
    /// Node label expression, if any.
    pub node_label: Option<String>,
}

/// One row as the ResourceManager wants it.
pub fn resource_request(row: &AskRow, kind: &Kind) -> yarn::ResourceRequest {
    let any = matches!(row.place, Place::Any);
    yarn::ResourceRequest {
        priority: Some(yarn::Priority { priority: Some(PRIORITY) }),
        resource_name: Some(row.place.to_string()),
        capability: Some(resource(kind.capability)),
        num_containers: Some(i32::try_from(row.count).unwrap_or(i32::MAX)),
        relax_locality: Some(row.relax_locality),
        // A label and a place must not meet in one row; the label belongs to the "*" row.
        node_label_expression: kind.node_label.clone().filter(|_| any),
        execution_type_request: None,
        allocation_request_id: Some(i64::try_from(row.request.0).unwrap_or(i64::MAX)),
    }
}

/// Memory and cores as YARN wants them.
pub fn resource(capability: Capability) -> yarn::Resource {
    yarn::Resource {
        memory: Some(i64::try_from(capability.memory_mb).unwrap_or(i64::MAX)),
        virtual_cores: Some(i32::try_from(capability.cores).unwrap_or(i32::MAX)),
        resource_value_map: Vec::new(),
    }
}

/// Memory and cores as the core counts them; negative headroom is none.
pub fn capability(resource: Option<&yarn::Resource>) -> Capability {
    resource.map_or_else(Capability::default, |resource| Capability {
        memory_mb: u64::try_from(resource.memory()).unwrap_or(0),
        cores: u32::try_from(resource.virtual_cores()).unwrap_or(0),
    })
}

/// A granted container; `None` when YARN left out its id or host.
pub fn grant(container: &yarn::Container) -> Option<Grant> {
    let id = names::ContainerId::try_from(container.id.as_ref()?).ok()?;
    let request = u64::try_from(container.allocation_request_id()).ok().map(RequestId);
    Some(Grant {
        container: container_number(&id),
        host: container.node_id.as_ref()?.host().to_owned(),
        request,
        capability: capability(container.resource.as_ref()),
    })
}

/// A granted container as the page shows it; `None` when YARN left out its id or host.
pub fn sighting(container: &yarn::Container, pages: &LogPages) -> Option<Sighting> {
    let id = names::ContainerId::try_from(container.id.as_ref()?).ok()?;
    let text = id.to_string();
    Some(Sighting {
        number: container_number(&id),
        host: container.node_id.as_ref()?.host().to_owned(),
        logs: pages.of(&text, container.node_http_address()),
        id: text,
        is_master: false,
    })
}

/// The end of a container; `None` when YARN left out its id.
pub fn completed(status: &yarn::ContainerStatus) -> Option<Event> {
    let id = names::ContainerId::try_from(status.container_id.as_ref()?).ok()?;
    Some(Event::ContainerCompleted {
        container: container_number(&id),
        exit_status: status.exit_status(),
        diagnostics: status.diagnostics().trim().to_owned(),
    })
}

/// What the ResourceManager says of nodes. `aliases` adds the names and addresses under which HDFS may know a host.
pub fn nodes_known(reports: &[yarn::NodeReport], aliases: impl Fn(&str) -> Vec<String>) -> Event {
    let nodes = reports.iter().filter_map(|report| {
        let host = report.node_id.as_ref()?.host().to_owned();
        Some(Node {
            aliases: aliases(&host),
            rack: report.rack_name().to_owned(),
            total: capability(report.capability.as_ref()),
            usable: report.node_state() == yarn::NodeState::Running,
            host,
        })
    });
    Event::NodesKnown { nodes: nodes.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn row(place: Place) -> AskRow {
        AskRow { request: RequestId(7), place, count: 2, relax_locality: false }
    }

    #[test]
    fn a_label_stands_in_the_widest_row_only() {
        let kind = Kind { capability: Capability { memory_mb: 64, cores: 1 }, node_label: Some("gpu".into()) };
        let request = resource_request(&row(Place::Any), &kind);
        assert_eq!((request.resource_name(), request.node_label_expression()), ("*", "gpu"));
        assert_eq!((request.num_containers(), request.allocation_request_id()), (2, 7));
        let host = resource_request(&row(Place::Host(Arc::from("w1"))), &kind);
        assert_eq!((host.resource_name(), host.node_label_expression.as_deref()), ("w1", None));
    }

    #[test]
    fn an_absent_request_id_is_none() {
        let id = yarn::ContainerId::from(
            "container_e03_1700000000000_0007_01_000005".parse::<names::ContainerId>().unwrap(),
        );
        let node = yarn::NodeId { host: Some("w1".into()), port: Some(8041) };
        let mut container = yarn::Container { id: Some(id), node_id: Some(node), ..yarn::Container::default() };
        let granted = grant(&container).unwrap();
        assert_eq!(granted.request, None, "YARN's default is -1");
        assert_eq!(granted.container.0, 3 << 40 | 5, "the epoch is part of the number");
        container.allocation_request_id = Some(9);
        assert_eq!(grant(&container).unwrap().request, Some(RequestId(9)));
        container.id = None;
        assert_eq!(grant(&container), None);
    }
}
