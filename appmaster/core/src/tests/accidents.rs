//! What goes wrong under the core: processes die, connections break, nodes are lost.

use super::world::World;
use crate::{ContainerId, Event, WorkerId};

impl World {
    /// The process dies; the core hears of it from its connection, from YARN, or from both.
    pub fn kill_worker(&mut self, worker: WorkerId, status: i32) {
        let Some(row) = self.workers.get_mut(&worker) else { return };
        row.dead = true;
        let container = row.container;
        let connection_first = container.is_none() || self.rng.chance(60);
        if let Some(container) = container.filter(|_| !connection_first || self.rng.chance(80)) {
            self.manager.end(container, status);
        }
        if connection_first {
            self.lose_connection(worker);
        } else if let Some(row) = self.workers.get_mut(&worker) {
            row.gone_pending = true;
        }
    }

    /// The core hears that a connection is lost.
    pub fn lose_connection(&mut self, worker: WorkerId) {
        self.workers.remove(&worker);
        self.send(Event::WorkerGone { worker, why: "sim".into() });
    }

    /// YARN ends what runs in a container.
    pub fn kill_workers_in(&mut self, container: ContainerId) {
        self.former.lost.retain(|row| row.container != Some(container));
        for row in self.workers.values_mut().filter(|row| row.container == Some(container)) {
            row.dead = true;
            row.gone_pending = true;
        }
    }

    /// A node and all on it is lost.
    pub fn lose_node(&mut self, node: usize) {
        self.manager.nodes[node].alive = false;
        let there: Vec<_> =
            self.manager.containers.iter().filter(|(_, row)| row.node == node).map(|(&id, _)| id).collect();
        for container in there {
            self.kill_workers_in(container);
            self.manager.end(container, -100);
        }
        let report = self.manager.node_report();
        self.send(report);
    }
}
