//! What a typed client says about a remote procedure: its service, its name, its messages, and whether it may be repeated.

use std::marker::PhantomData;

/// A remote interface: the name that Hadoop's server looks it up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// The Java interface's full name.
    pub protocol: &'static str,
}

impl Service {
    /// The ResourceManager's client port.
    pub const APPLICATION_CLIENT: Service = Service::named("org.apache.hadoop.yarn.api.ApplicationClientProtocolPB");
    /// The ResourceManager's scheduler port, for application masters.
    pub const APPLICATION_MASTER: Service = Service::named("org.apache.hadoop.yarn.api.ApplicationMasterProtocolPB");
    /// A NodeManager's port, for application masters.
    pub const CONTAINER_MANAGEMENT: Service =
        Service::named("org.apache.hadoop.yarn.api.ContainerManagementProtocolPB");
    /// A NameNode's client port.
    pub const NAME_NODE: Service = Service::named("org.apache.hadoop.hdfs.protocol.ClientProtocol");

    const fn named(protocol: &'static str) -> Service {
        Service { protocol }
    }
}

/// One remote procedure with the types of its request and its response.
#[derive(Debug)]
pub struct Method<Request, Response> {
    /// Its name on the wire.
    pub name: &'static str,
    /// True when the server may see the same call twice without harm.
    pub repeatable: bool,
    messages: PhantomData<fn(Request) -> Response>,
}

impl<Request, Response> Method<Request, Response> {
    /// A procedure that a lost answer may repeat.
    pub const fn repeatable(name: &'static str) -> Self {
        Method { name, repeatable: true, messages: PhantomData }
    }

    /// A procedure that must not be repeated once the server may have seen it.
    pub const fn once(name: &'static str) -> Self {
        Method { name, repeatable: false, messages: PhantomData }
    }
}
