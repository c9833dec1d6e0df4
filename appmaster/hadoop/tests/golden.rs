//! The clients against the recorded answers of real servers.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod double;

use double::{Double, alice, chain, client, golden, settings, unhex};
use hadoop_client::rpc::{Authentication, ConnectFailure, Exception, Failure, Service};
use hadoop_client::{ResourceManager, Scheduler};
use hadoop_wire::credentials::Token;
use hadoop_wire::messages::yarn::{AllocateRequest, AllocateResponse, RegisterApplicationMasterRequest};
use hadoop_wire::rpc::HandshakeError;

const PASSWORD: &str = "4a144444d478a1b59983f83ecbec6feea592f9b3";

fn master_token() -> Token {
    Token {
        identifier: unhex("0a0d0a090809108ea0fad59f34100110c3f9bfe507").into(),
        password: unhex(PASSWORD).into(),
        ..Token::default()
    }
}

#[tokio::test]
async fn a_client_port_without_security() {
    let double = Double::play(|_, mut peer| async move {
        assert_eq!(peer.simple().await.as_deref(), Some("alice"));
        for frame in golden("rpc-client.txt") {
            peer.call().await.unwrap();
            peer.raw(&frame).await;
        }
    })
    .await;
    let manager = ResourceManager::new(client(&[&double.server], alice()));
    let nodes = manager.nodes(&[]).await.unwrap();
    let hosts: Vec<_> = nodes.iter().map(|node| (node.node_id.clone().unwrap(), node.rack_name())).collect();
    assert_eq!(hosts.len(), 2);
    assert_eq!((hosts[0].0.host(), hosts[0].1), ("w1.hk", "/rackA"));
    assert_eq!(manager.new_application().await.unwrap().application_id.unwrap().id, Some(10));
}

#[tokio::test]
async fn a_scheduler_port_from_register_to_finish() {
    let double = Double::play(|_, mut peer| async move {
        peer.digest(&unhex(PASSWORD)).await;
        assert_eq!(peer.context().await, None, "a token's bearer claims no user");
        // The recording lacks the answer to the call with id 2.
        let mut answers = golden("rpc-am.txt").split_off(2).into_iter();
        while let Some(call) = peer.call().await {
            if call.call_id == 2 {
                peer.answer(2, &AllocateResponse::default()).await;
                continue;
            }
            peer.raw(&answers.next().unwrap()).await;
        }
    })
    .await;
    let token = Authentication::Token(master_token());
    let scheduler = Scheduler::new(client(&[&double.server], settings(Service::APPLICATION_MASTER, token)));
    let registered = scheduler.register(RegisterApplicationMasterRequest::default()).await.unwrap().unwrap();
    assert_eq!(registered.maximum_capability.unwrap().memory, Some(4096));
    let allocate = || scheduler.allocate(AllocateRequest::default());
    assert_eq!(allocate().await.unwrap().response_id, Some(1));
    allocate().await.unwrap();
    let granted = allocate().await.unwrap();
    assert_eq!(granted.allocated_containers[0].allocation_request_id, Some(7));
    assert_eq!(granted.nm_tokens.len(), 1);

    let error = allocate().await.unwrap_err();
    assert_eq!(error.exception(), Some(Exception::InvalidMasterRequest));
    assert_eq!(allocate().await.unwrap_err().exception(), Some(Exception::NoSuchMethod));
    assert_eq!(allocate().await.unwrap_err().exception(), Some(Exception::NoSuchMethod));
    assert!(scheduler.finish(Default::default()).await.unwrap());
    assert_eq!(double.connections(), 1, "errors of calls leave the connection alive");
}

#[tokio::test]
async fn a_recorded_proof_does_not_prove_anything() {
    let double = Double::play(|_, mut peer| async move {
        peer.header().await;
        for frame in golden("rpc-am.txt") {
            peer.frame().await;
            peer.raw(&frame).await;
        }
    })
    .await;
    let token = Authentication::Token(master_token());
    let scheduler = Scheduler::new(client(&[&double.server], settings(Service::APPLICATION_MASTER, token)));
    let error = scheduler.allocate(AllocateRequest::default()).await.unwrap_err();
    let Failure::Connect(failure) = &error.failure else { panic!("{error:?}") };
    assert!(matches!(**failure, ConnectFailure::SetUp(HandshakeError::Digest(_))), "{error:?}");
    assert_eq!(double.connections(), 1, "a wrong token is not tried again");
}

#[tokio::test]
async fn a_port_that_wants_more_than_a_claim() {
    let double = Double::play(|_, mut peer| async move {
        peer.simple().await;
        peer.raw(&golden("rpc-simple-refused.txt")[0]).await;
    })
    .await;
    let manager = ResourceManager::new(client(&[&double.server], alice()));
    let error = manager.metrics().await.unwrap_err();
    assert!(!error.is_unreachable());
    let text = chain(&error);
    assert!(text.starts_with("connect to ResourceManager 127.0.0.1:"), "{text}");
    assert!(text.contains("(from some.address): cluster wants Kerberos"), "{text}");
    assert_eq!(double.connections(), 1);
}
