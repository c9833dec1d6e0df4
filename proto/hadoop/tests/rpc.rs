//! Real connections, recorded from Hadoop 3.5.0: what servers sent is decoded, what clients sent is made anew and must
//! be the same bytes.
#![allow(clippy::unwrap_used, reason = "a test")]

use bytes::Bytes;
use hadoop_wire::Message;
use hadoop_wire::credentials::Token;
use hadoop_wire::messages::common::RpcErrorCode;
use hadoop_wire::messages::yarn;
use hadoop_wire::rpc::{
    Authentication, CallHeader, ClientId, FrameSplitter, Handshake, HandshakeError, RemoteError, Response, Step,
    decode_response, encode_call, encode_ping,
};

const CLIENT: &str = "org.apache.hadoop.yarn.api.ApplicationClientProtocolPB";
const SCHEDULER: &str = "org.apache.hadoop.yarn.api.ApplicationMasterProtocolPB";

/// The frames of one recorded connection: who sent it, its bytes.
struct Recording(std::vec::IntoIter<(char, Vec<u8>)>);

impl Recording {
    fn open(text: &str) -> Self {
        let frames: Vec<_> = text.lines().filter(|line| line.starts_with(['C', 'S'])).map(parse_line).collect();
        Self(frames.into_iter())
    }

    fn next(&mut self, sender: char) -> Vec<u8> {
        let (who, bytes) = self.0.next().unwrap();
        assert_eq!(who, sender);
        bytes
    }

    /// What the client sent next is what we would send.
    fn expect(&mut self, ours: &[u8]) {
        assert_eq!(self.next('C'), ours);
    }

    /// The server's next frame, through the splitter.
    fn received(&mut self) -> Bytes {
        let mut splitter = FrameSplitter::default();
        splitter.push(&self.next('S'));
        let frame = splitter.next_frame().unwrap().unwrap();
        assert_eq!(splitter.pending(), 0);
        frame
    }

    fn success<M: Message + Default>(&mut self, expected_id: i32) -> M {
        match decode_response(self.received()).unwrap() {
            Response::Success { call_id, body } => {
                assert_eq!(call_id, expected_id);
                M::decode(body).unwrap()
            }
            Response::Failure { error, .. } => panic!("{error}"),
        }
    }

    fn failure(&mut self, expected_id: i32) -> RemoteError {
        match decode_response(self.received()).unwrap() {
            Response::Failure { call_id, error } => {
                assert_eq!(call_id, expected_id);
                error
            }
            Response::Success { .. } => panic!("an error was recorded"),
        }
    }
}

fn parse_line(line: &str) -> (char, Vec<u8>) {
    let mut words = line.split(' ');
    let who = words.next().unwrap().chars().next().unwrap();
    (who, unhex(words.next().unwrap()))
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn client() -> ClientId {
    ClientId::new(std::array::from_fn(|index| index as u8))
}

fn call(protocol: &str, method: &str, call_id: i32, request: &impl Message) -> Bytes {
    encode_call(&client(), CallHeader { protocol, method, call_id, retry_count: 0 }, request)
}

fn token() -> Token {
    Token {
        identifier: unhex("0a0d0a090809108ea0fad59f34100110c3f9bfe507").into(),
        password: unhex("4a144444d478a1b59983f83ecbec6feea592f9b3").into(),
        ..Token::default()
    }
}

fn token_handshake() -> Handshake {
    Handshake::new(Authentication::Token(token()), SCHEDULER, client(), "OA6MG9tEQGm2hh".to_owned())
}

fn simple(user: &str) -> Authentication {
    Authentication::Simple { user: user.to_owned() }
}

fn continued(step: Step) -> Bytes {
    match step {
        Step::Continue(bytes) => bytes,
        Step::Done { .. } => panic!("not done yet"),
    }
}

fn done(step: Step) -> Bytes {
    match step {
        Step::Done { send, .. } => send,
        Step::Continue(_) => panic!("must be done"),
    }
}

/// One container on this host and nowhere else.
fn ask(host: &str) -> yarn::ResourceRequest {
    yarn::ResourceRequest {
        priority: Some(yarn::Priority { priority: Some(1) }),
        resource_name: Some(host.to_owned()),
        capability: Some(yarn::Resource { memory: Some(64), virtual_cores: Some(1), resource_value_map: vec![] }),
        num_containers: Some(1),
        relax_locality: Some(host == "w1.hk"),
        allocation_request_id: Some(7),
        ..yarn::ResourceRequest::default()
    }
}

fn allocate(response_id: i32, ask: Vec<yarn::ResourceRequest>) -> yarn::AllocateRequest {
    yarn::AllocateRequest {
        ask,
        response_id: Some(response_id),
        progress: Some(0.25),
        ..yarn::AllocateRequest::default()
    }
}

#[test]
fn an_application_masters_connection() {
    let mut recording = Recording::open(include_str!("golden/rpc-am.txt"));
    let mut handshake = token_handshake();
    let first = continued(handshake.start());
    recording.expect(&first[..7]);
    recording.expect(&first[7..]);
    let initiate = continued(handshake.receive(recording.received()).unwrap());
    recording.expect(&initiate);
    let context = done(handshake.receive(recording.received()).unwrap());
    recording.expect(&context);

    let register = yarn::RegisterApplicationMasterRequest {
        host: Some("h".to_owned()),
        rpc_port: Some(-1),
        tracking_url: Some("http://m.hk:19999/".to_owned()),
    };
    recording.expect(&call(SCHEDULER, "registerApplicationMaster", 0, &register));
    let registered: yarn::RegisterApplicationMasterResponse = recording.success(0);
    assert_eq!(registered.queue.as_deref(), Some("root.default"));

    let asks = ["w1.hk", "/rackA", "*"].map(ask).to_vec();
    recording.expect(&call(SCHEDULER, "allocate", 1, &allocate(0, asks)));
    let first: yarn::AllocateResponse = recording.success(1);
    assert!(first.allocated_containers.is_empty());
    recording.expect(&call(SCHEDULER, "allocate", 3, &allocate(2, vec![])));
    let granted: yarn::AllocateResponse = recording.success(3);
    assert_eq!(granted.allocated_containers[0].allocation_request_id, Some(7));
    assert_eq!(granted.nm_tokens.len(), 1);

    recording.expect(&call(SCHEDULER, "allocate", 4, &allocate(77, vec![])));
    let error = recording.failure(4);
    assert_eq!(error.class_name(), "InvalidApplicationMasterRequestException");
    assert!(error.message.starts_with("Invalid responseId") && !error.message.contains('\n'), "{}", error.message);
    recording.expect(&call(SCHEDULER, "nope", 5, &allocate(77, vec![])));
    assert_eq!(recording.failure(5).detail, Some(RpcErrorCode::ErrorNoSuchMethod));
    recording.expect(&call(SCHEDULER.trim_end_matches("PB"), "allocate", 6, &allocate(77, vec![])));
    assert_eq!(recording.failure(6).detail, Some(RpcErrorCode::ErrorNoSuchProtocol));

    let finish = yarn::FinishApplicationMasterRequest {
        diagnostics: None,
        tracking_url: Some(String::new()),
        final_application_status: Some(yarn::FinalApplicationStatus::Succeeded as i32),
    };
    recording.expect(&call(SCHEDULER, "finishApplicationMaster", 7, &finish));
    let finished: yarn::FinishApplicationMasterResponse = recording.success(7);
    assert_eq!(finished.is_unregistered, Some(true));
}

#[test]
fn a_clients_connection() {
    let mut recording = Recording::open(include_str!("golden/rpc-client.txt"));
    let mut handshake = Handshake::new(simple("alice"), CLIENT, client(), String::new());
    let first = done(handshake.start());
    recording.expect(&first[..7]);
    recording.expect(&first[7..]);
    recording.expect(&call(CLIENT, "getClusterNodes", 0, &yarn::GetClusterNodesRequest::default()));
    let nodes: yarn::GetClusterNodesResponse = recording.success(0);
    let racks: Vec<_> = nodes.node_reports.iter().map(|node| node.rack_name()).collect();
    assert_eq!(racks, ["/rackA", "/rackB"]);
    recording.expect(&encode_ping(&client()));
    recording.expect(&call(CLIENT, "getNewApplication", 1, &yarn::GetNewApplicationRequest::default()));
    let new: yarn::GetNewApplicationResponse = recording.success(1);
    assert_eq!(new.application_id.unwrap().id, Some(10));
}

#[test]
fn simple_refused_says_that_kerberos_is_missing() {
    let mut recording = Recording::open(include_str!("golden/rpc-simple-refused.txt"));
    for _ in 0..3 {
        recording.next('C');
    }
    let error = recording.failure(-1);
    assert!(error.fatal);
    let told = HandshakeError::from_refusal(&simple("root"), error.clone()).to_string();
    assert!(told.starts_with("cluster wants Kerberos, which this version lacks"), "{told}");
    let other = HandshakeError::from_refusal(&Authentication::Token(token()), error);
    assert!(matches!(other, HandshakeError::Refused(_)));
}

#[test]
fn servers_that_take_no_token_are_told_apart() {
    check_offer(
        &[("KERBEROS", "GSSAPI")],
        "cluster wants Kerberos, which this version lacks (server accepts: KERBEROS)",
    );
    check_offer(&[("SIMPLE", "")], "server does not accept tokens (it accepts: SIMPLE)");
    check_offer(&[], "server does not accept tokens (it accepts: )");
}

fn check_offer(offers: &[(&str, &str)], message: &str) {
    use hadoop_wire::messages::common::{RpcResponseHeader, RpcSasl, SaslAuth, SaslState};
    let auth = |(method, mechanism): &(&str, &str)| SaslAuth {
        method: (*method).to_owned(),
        mechanism: (*mechanism).to_owned(),
        ..SaslAuth::default()
    };
    let offer =
        RpcSasl { state: SaslState::Negotiate as i32, auths: offers.iter().map(auth).collect(), ..RpcSasl::default() };
    let header = RpcResponseHeader { call_id: (-33i32).cast_unsigned(), ..RpcResponseHeader::default() };
    let mut frame = header.encode_length_delimited_to_vec();
    frame.extend(offer.encode_length_delimited_to_vec());
    let mut handshake = token_handshake();
    handshake.start();
    assert_eq!(handshake.receive(frame.into()).unwrap_err().to_string(), message);
}
