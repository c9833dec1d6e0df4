//! One client for each NodeManager that we start containers on, with the token that YARN gave for it.

use std::collections::BTreeMap;

use hadoop_client::rpc::{Authentication, RetryPolicy, Service, Settings, Timeouts};
use hadoop_client::{NodeManager, Server, rpc};
use hadoop_wire::credentials::Token;
use hadoop_wire::messages::yarn;

/// host:port of a NodeManager.
pub type Address = (String, u16);

/// All NodeManagers that we may speak to. YARN gives the token of each only once, so they are kept.
#[derive(Default)]
pub struct Nodes {
    tokens: BTreeMap<Address, Token>,
    clients: BTreeMap<Address, NodeManager>,
}

impl Nodes {
    /// Remembers a token; a newer one replaces it.
    pub async fn token(&mut self, given: yarn::NmToken) {
        let (Some(node), Some(token)) = (given.node_id, given.token) else { return };
        let address = address(&node);
        let token = Token::from(token);
        if let Some(client) = self.clients.get(&address) {
            client.replace_token(token.clone()).await;
        }
        self.tokens.insert(address, token);
    }

    /// The client for a node; `None` when YARN gave no token for it.
    pub fn client(&mut self, node: &yarn::NodeId) -> Option<NodeManager> {
        let address = address(node);
        if let Some(client) = self.clients.get(&address) {
            return Some(client.clone());
        }
        let token = self.tokens.get(&address)?.clone();
        let server = Server { role: "NodeManager", host: address.0.clone(), port: address.1, key: None };
        let settings = Settings {
            service: Service::CONTAINER_MANAGEMENT,
            authentication: Authentication::Token(token),
            timeouts: Timeouts::default(),
            retry: RetryPolicy::NODE,
        };
        let client = NodeManager::new(rpc::Client::new(vec![server], settings));
        self.clients.insert(address, client.clone());
        Some(client)
    }
}

fn address(node: &yarn::NodeId) -> Address {
    (node.host().to_owned(), u16::try_from(node.port()).unwrap_or(0))
}
