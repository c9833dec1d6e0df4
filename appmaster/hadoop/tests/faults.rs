//! What the clients make of servers that are gone, silent, standing by, or no Hadoop servers at all.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod double;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use double::{Double, Peer, alice, chain, client, closed_port, server, settings, unhex, value};
use hadoop_client::rpc::{Authentication, Client, ConnectFailure, Exception, Failure, Method, RetryPolicy, Service};
use hadoop_client::{NameNode, NodeManager, ResourceManager, Scheduler, Server};
use hadoop_wire::credentials::Token;
use hadoop_wire::messages::common::RpcStatus;
use hadoop_wire::messages::hdfs::{DirectoryListing, GetListingRequest, GetListingResponse, HdfsFileStatus};
use hadoop_wire::messages::yarn::*;
use prost::Message;
use tokio::sync::{Notify, mpsc};

const STANDBY: &str = "org.apache.hadoop.ipc.StandbyException";
const RETRIABLE: &str = "org.apache.hadoop.ipc.RetriableException";
const ONCE: Method<GetClusterMetricsRequest, GetClusterMetricsResponse> = Method::once("getClusterMetrics");
const AGAIN: Method<GetClusterMetricsRequest, GetClusterMetricsResponse> = Method::repeatable("getClusterMetrics");

fn metrics(nodes: i32) -> GetClusterMetricsResponse {
    let cluster_metrics = ClusterMetrics { num_node_managers: Some(nodes), ..ClusterMetrics::default() };
    GetClusterMetricsResponse { cluster_metrics: Some(cluster_metrics) }
}

/// Answers every call with the same number of nodes.
async fn serve(mut peer: Peer, nodes: i32) {
    peer.simple().await;
    while let Some(call) = peer.call().await {
        peer.answer(call.call_id, &metrics(nodes)).await;
    }
}

async fn fails(mut peer: Peer, class: &'static str) {
    peer.simple().await;
    while let Some(call) = peer.call().await {
        peer.fail(call.call_id, RpcStatus::Error, class).await;
    }
}

async fn nodes(client: &Client) -> i32 {
    let answer = client.call(&AGAIN, &GetClusterMetricsRequest {}).await.unwrap();
    answer.cluster_metrics.unwrap().num_node_managers()
}

#[tokio::test]
async fn a_registration_whose_answer_is_lost_holds() {
    let double = Double::play(|number, mut peer| async move {
        peer.simple().await;
        let call = peer.call().await.unwrap();
        // The first connection breaks before the answer is sent.
        if number > 0 {
            let class = "org.apache.hadoop.yarn.exceptions.InvalidApplicationMasterRequestException";
            peer.fail(call.call_id, RpcStatus::Error, class).await;
        }
    })
    .await;
    let simple = Authentication::Simple { user: "alice".to_owned() };
    let scheduler = Scheduler::new(client(&[&double.server], settings(Service::APPLICATION_MASTER, simple)));
    let registered = scheduler.register(RegisterApplicationMasterRequest::default()).await.unwrap();
    assert_eq!(registered, None);
    assert_eq!(double.connections(), 2);
}

#[tokio::test]
async fn answers_may_come_in_any_order() {
    let double = Double::play(|_, mut peer| async move {
        peer.simple().await;
        let mut calls = Vec::new();
        for _ in 0..20 {
            calls.push(peer.call().await.unwrap());
        }
        for call in calls.into_iter().rev() {
            let asked = KillApplicationRequest::decode(call.body).unwrap();
            let answer = metrics(asked.application_id.unwrap().id());
            peer.answer(call.call_id, &answer).await;
        }
    })
    .await;
    const ECHO: Method<KillApplicationRequest, GetClusterMetricsResponse> = Method::once("echo");
    let client = client(&[&double.server], alice());
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..20 {
        let client = client.clone();
        callers.spawn(async move {
            let application_id = Some(ApplicationId { id: Some(number), cluster_timestamp: None });
            let answer =
                client.call(&ECHO, &KillApplicationRequest { application_id, diagnostics: None }).await.unwrap();
            assert_eq!(answer.cluster_metrics.unwrap().num_node_managers(), number);
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    assert_eq!(double.connections(), 1);
}

#[tokio::test]
async fn long_messages_both_ways_do_not_block_each_other() {
    const LONG: usize = 3 << 20;
    let double = Double::play(|_, mut peer| async move {
        peer.simple().await;
        // Each answer is written before the next call is read: with a client that reads only when it has written
        // everything, both sides would wait for ever.
        while let Some(call) = peer.call().await {
            let asked = KillApplicationRequest::decode(call.body).unwrap();
            peer.answer(call.call_id, &asked).await;
        }
    })
    .await;
    const ECHO: Method<KillApplicationRequest, KillApplicationRequest> = Method::once("echo");
    let client = client(&[&double.server], alice());
    let mut callers = tokio::task::JoinSet::new();
    for letter in ["a", "b", "c", "d", "e", "f"] {
        let client = client.clone();
        callers.spawn(async move {
            let request = KillApplicationRequest { application_id: None, diagnostics: Some(letter.repeat(LONG)) };
            assert!(client.call(&ECHO, &request).await.unwrap() == request);
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
}

#[tokio::test]
async fn a_connection_that_ends_under_a_call() {
    let double = Double::play(|number, mut peer| async move {
        if number < 2 {
            peer.simple().await;
            peer.call().await;
            return;
        }
        serve(peer, 3).await;
    })
    .await;
    let client = client(&[&double.server], alice());
    let error = client.call(&ONCE, &GetClusterMetricsRequest {}).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Lost { sent: true, .. }), "{error:?}");
    assert_eq!(double.connections(), 1, "what must not be repeated is not");
    assert_eq!(nodes(&client).await, 3);
    assert_eq!(double.connections(), 3);
}

#[tokio::test]
async fn nobody_listens() {
    let server = server(closed_port().await);
    let client = client(&[&server], alice()).with_retry(RetryPolicy::ONCE);
    let error = client.call(&AGAIN, &GetClusterMetricsRequest {}).await.unwrap_err();
    assert!(error.is_unreachable());
    assert_eq!(error.attempts, 1);
    let expected = format!(
        "connect to ResourceManager 127.0.0.1:{} (from some.address): connection refused; \
         is it running, and does the address name its RPC port?",
        server.port
    );
    assert_eq!(chain(&error), expected);
}

#[tokio::test]
async fn no_such_host() {
    let server = Server { host: "no-such-host.invalid".to_owned(), ..server(8032) };
    let client = client(&[&server], alice()).with_retry(RetryPolicy::ONCE);
    let text = chain(&client.call(&AGAIN, &GetClusterMetricsRequest {}).await.unwrap_err());
    assert!(
        text.contains("no-such-host.invalid:8032 (from some.address): no such host no-such-host.invalid"),
        "{text}"
    );
}

#[tokio::test]
async fn no_server_is_configured() {
    let client = client(&[], alice());
    let text = chain(&client.call(&AGAIN, &GetClusterMetricsRequest {}).await.unwrap_err());
    assert!(text.contains("ApplicationClientProtocolPB") && text.contains("names no server"), "{text}");
}

#[tokio::test]
async fn retries_end() {
    let server = server(closed_port().await);
    let retry = RetryPolicy { total: Duration::from_millis(50), ..double::QUICK };
    let client = client(&[&server], alice()).with_retry(retry);
    let error = client.call(&AGAIN, &GetClusterMetricsRequest {}).await.unwrap_err();
    assert!(error.attempts > 1 && error.is_unreachable(), "{error:?}");
    assert!(error.to_string().contains(" attempts in "), "{error}");
}

#[tokio::test]
async fn a_standby_and_a_dead_server_are_passed_over() {
    let dead = server(closed_port().await);
    let standby = Double::play(|_, peer| fails(peer, STANDBY)).await;
    let active = Double::play(|_, peer| serve(peer, 5)).await;
    let client = client(&[&dead, &standby.server, &active.server], alice()).with_retry(RetryPolicy::ONCE);
    assert_eq!(nodes(&client).await, 5, "each server is asked once whatever the patience");
    assert_eq!(nodes(&client).await, 5);
    assert_eq!((standby.connections(), active.connections()), (1, 1), "the client stays with the active one");
}

#[tokio::test]
async fn the_second_of_two_takes_over() {
    let failed_over = Arc::new(AtomicUsize::new(0));
    let active = failed_over.clone();
    let first = Double::play(move |_, mut peer| {
        let active = active.clone();
        async move {
            peer.simple().await;
            while let Some(call) = peer.call().await {
                match active.load(Ordering::SeqCst) {
                    0 => peer.answer(call.call_id, &metrics(1)).await,
                    _ => peer.fail(call.call_id, RpcStatus::Error, STANDBY).await,
                }
            }
        }
    })
    .await;
    let second = Double::play(|_, peer| serve(peer, 2)).await;
    let client = client(&[&first.server, &second.server], alice());
    assert_eq!(nodes(&client).await, 1);
    failed_over.store(1, Ordering::SeqCst);
    assert_eq!(nodes(&client).await, 2);
}

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    let double = Double::play(|_, mut peer| async move {
        peer.simple().await;
        for nodes in 0.. {
            let Some(call) = peer.call().await else { return };
            match nodes {
                0..4 => peer.fail(call.call_id, RpcStatus::Error, RETRIABLE).await,
                _ => peer.answer(call.call_id, &metrics(nodes)).await,
            }
        }
    })
    .await;
    let other = Double::play(|_, peer| serve(peer, 9)).await;
    assert_eq!(nodes(&client(&[&double.server, &other.server], alice())).await, 4);
    assert_eq!((double.connections(), other.connections()), (1, 0));
}

#[tokio::test]
async fn what_is_no_hadoop_server_is_not_asked_twice() {
    let garbage: [&[u8]; 4] =
        [b"HTTP/1.1 404 Not Found\r\n", &[0xff; 64], &[0, 0, 0, 2, 0xff, 0xff], &[0, 0, 0, 6, 4, 8, 0, 16, 0, 9]];
    for bytes in garbage {
        let double = Double::play(move |_, mut peer| async move {
            peer.simple().await;
            peer.call().await;
            peer.raw(bytes).await;
            peer.call().await;
        })
        .await;
        let error = client(&[&double.server], alice()).call(&AGAIN, &GetClusterMetricsRequest {}).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Lost { .. }), "{error:?}");
        assert!(chain(&error).contains("no RPC answer: "), "{}", chain(&error));
        assert_eq!(double.connections(), 1);
    }
}

#[tokio::test]
async fn an_answer_of_another_shape() {
    let double = Double::play(|_, mut peer| async move {
        peer.simple().await;
        let call = peer.call().await.unwrap();
        // Field 1 as a number, where a message is expected.
        peer.answer(call.call_id, &Priority { priority: Some(7) }).await;
        peer.call().await;
    })
    .await;
    let error = client(&[&double.server], alice()).call(&AGAIN, &GetClusterMetricsRequest {}).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Answer(_)), "{error:?}");
}

#[tokio::test]
async fn a_silent_server_is_left() {
    let double = Double::play(|number, mut peer| async move {
        if number == 0 {
            peer.simple().await;
            while peer.call().await.is_some() {}
            return;
        }
        serve(peer, 1).await;
    })
    .await;
    let mut settings = alice();
    settings.timeouts.call = Duration::from_millis(200);
    let client = client(&[&double.server], settings);
    let error = client.call(&ONCE, &GetClusterMetricsRequest {}).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Silent(_)), "{error:?}");
    let answer = client.call(&ONCE, &GetClusterMetricsRequest {}).await.unwrap();
    assert_eq!(answer, metrics(1), "the next call takes a new connection");
}

#[tokio::test]
async fn silence_while_authenticating() {
    let double = Double::play(|_, mut peer| async move {
        peer.header().await;
        while peer.frame().await.is_some() {}
    })
    .await;
    let mut settings = settings(Service::APPLICATION_MASTER, Authentication::Token(Token::default()));
    settings.timeouts.connect = Duration::from_millis(50);
    settings.retry = RetryPolicy::ONCE;
    let error = client(&[&double.server], settings).call(&AGAIN, &GetClusterMetricsRequest {}).await.unwrap_err();
    let Failure::Connect(failure) = &error.failure else { panic!("{error:?}") };
    assert!(matches!(**failure, ConnectFailure::Silent(_)), "{error:?}");
}

#[tokio::test]
async fn a_fatal_answer_ends_the_connection_and_names_the_call() {
    let double = Double::play(|number, mut peer| async move {
        if number > 0 {
            return serve(peer, 2).await;
        }
        peer.simple().await;
        let call = peer.call().await.unwrap();
        peer.answer(call.call_id, &metrics(1)).await;
        let call = peer.call().await.unwrap();
        peer.fail(call.call_id, RpcStatus::Fatal, "org.apache.hadoop.ipc.RpcServerException").await;
    })
    .await;
    let client = client(&[&double.server], alice());
    assert_eq!(nodes(&client).await, 1);
    let error = client.call(&AGAIN, &GetClusterMetricsRequest {}).await.unwrap_err();
    assert!(error.remote().is_some_and(|remote| remote.fatal), "{error:?}");
    assert_eq!(nodes(&client).await, 2);
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_replaced() {
    let (hung_up, mut seen) = mpsc::unbounded_channel();
    let double = Double::play(move |number, mut peer| {
        let hung_up = hung_up.clone();
        async move {
            peer.simple().await;
            while let Some(call) = peer.call().await {
                peer.answer(call.call_id, &metrics(i32::try_from(number).unwrap())).await;
            }
            hung_up.send(number).unwrap();
        }
    })
    .await;
    let mut settings = alice();
    settings.timeouts.idle = Duration::from_millis(20);
    let client = client(&[&double.server], settings).with_retry(RetryPolicy::ONCE);
    assert_eq!(nodes(&client).await, 0);
    assert_eq!(seen.recv().await, Some(0), "the client hangs up");
    assert_eq!(nodes(&client).await, 1, "and nobody notices");
}

#[tokio::test]
async fn a_dropped_client_hangs_up() {
    let gone = Arc::new(Notify::new());
    let notify = gone.clone();
    let double = Double::play(move |_, peer| {
        let notify = notify.clone();
        async move {
            serve(peer, 1).await;
            notify.notify_one();
        }
    })
    .await;
    let client = client(&[&double.server], alice());
    assert_eq!(nodes(&client).await, 1);
    drop(client);
    gone.notified().await;
}

#[tokio::test]
async fn a_new_token_is_shown_on_the_next_connection() {
    let (shown, mut seen) = mpsc::unbounded_channel();
    let double = Double::play(move |_, mut peer| {
        let shown = shown.clone();
        async move {
            let message = peer.digest(b"secret").await;
            shown.send(value(&message, "username").to_owned()).unwrap();
            peer.context().await;
            let call = peer.call().await.unwrap();
            peer.answer(call.call_id, &StopContainersResponse::default()).await;
        }
    })
    .await;
    let token = |identifier: &'static [u8]| Token {
        identifier: Bytes::from_static(identifier),
        password: Bytes::from_static(b"secret"),
        ..Token::default()
    };
    let settings = settings(Service::CONTAINER_MANAGEMENT, Authentication::Token(token(b"old")));
    let manager = NodeManager::new(client(&[&double.server], settings));
    manager.stop(Vec::new()).await.unwrap();
    manager.replace_token(token(b"new")).await;
    manager.stop(Vec::new()).await.unwrap();
    assert_eq!(seen.recv().await.as_deref(), Some("b2xk"));
    assert_eq!(seen.recv().await.as_deref(), Some("bmV3"));
}

#[tokio::test]
async fn killing_is_repeated_until_it_is_done() {
    let double = Double::play(|_, mut peer| async move {
        peer.simple().await;
        for done in [false, false, true, false] {
            let call = peer.call().await.unwrap();
            assert_eq!(call.method, "forceKillApplication");
            peer.answer(call.call_id, &KillApplicationResponse { is_kill_completed: Some(done) }).await;
        }
    })
    .await;
    let manager = ResourceManager::new(client(&[&double.server], alice()));
    manager.kill(ApplicationId::default(), "", Duration::from_secs(20)).await.unwrap();
    let error = manager.kill(ApplicationId::default(), "", Duration::ZERO).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Unfinished), "{error:?}");
}

#[tokio::test]
async fn a_listing_is_read_page_by_page() {
    let pages: [(&str, &[&str], u32); 3] = [("", &["a", "b"], 3), ("b", &["c"], 2), ("c", &["d", "e"], 0)];
    let double = Double::play(move |number, mut peer| async move {
        assert_eq!(number, 0, "a page was asked for again");
        peer.simple().await;
        for (start_after, names, remaining_entries) in pages {
            let call = peer.call().await.unwrap();
            assert_eq!(GetListingRequest::decode(call.body).unwrap().start_after, start_after);
            let status = |name: &&str| HdfsFileStatus {
                path: Bytes::copy_from_slice(name.as_bytes()),
                ..HdfsFileStatus::default()
            };
            let partial_listing = names.iter().map(status).collect();
            let listing = Some(DirectoryListing { partial_listing, remaining_entries });
            peer.answer(call.call_id, &GetListingResponse { listing }).await;
        }
        let call = peer.call().await.unwrap();
        peer.answer(call.call_id, &GetListingResponse::default()).await;
    })
    .await;
    let files = NameNode::new(client(&[&double.server], alice()));
    let entries = files.list("/d", false).await.unwrap().unwrap();
    let names: Vec<_> = entries.iter().map(|entry| String::from_utf8_lossy(&entry.path).into_owned()).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
    assert!(files.list("/none", false).await.unwrap().is_none());
}

#[tokio::test]
async fn a_listing_that_never_ends_is_ended() {
    let double = Double::play(|_, mut peer| async move {
        peer.simple().await;
        while let Some(call) = peer.call().await {
            let status = HdfsFileStatus { path: Bytes::from_static(b"same"), ..HdfsFileStatus::default() };
            let listing = Some(DirectoryListing { partial_listing: vec![status], remaining_entries: 9 });
            peer.answer(call.call_id, &GetListingResponse { listing }).await;
        }
    })
    .await;
    let files = NameNode::new(client(&[&double.server], alice()));
    let error = files.list("/d", false).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Incomplete("partial_listing")), "{error:?}");
}

#[tokio::test]
async fn containers_refused_one_by_one() {
    let refused = StartContainersResponse {
        failed_requests: vec![ContainerException {
            container_id: Some(ContainerId { id: Some(4), ..ContainerId::default() }),
            exception: Some(SerializedException {
                message: Some("token expired".to_owned()),
                class_name: Some("org.apache.hadoop.security.token.SecretManager$InvalidToken".to_owned()),
                ..SerializedException::default()
            }),
        }],
        ..StartContainersResponse::default()
    };
    let double = Double::play(move |_, mut peer| {
        let refused = refused.clone();
        async move {
            peer.digest(&unhex("00ff")).await;
            peer.context().await;
            let call = peer.call().await.unwrap();
            peer.answer(call.call_id, &refused).await;
            peer.call().await;
        }
    })
    .await;
    let token = Token { password: unhex("00ff").into(), ..Token::default() };
    let settings = settings(Service::CONTAINER_MANAGEMENT, Authentication::Token(token));
    let manager = NodeManager::new(client(&[&double.server], settings));
    let outcome = manager.start(Vec::new()).await.unwrap();
    assert_eq!(outcome.refused[0].container.id, Some(4));
    assert_eq!(outcome.refused[0].exception(), Exception::InvalidToken);
    assert_eq!(outcome.refused[0].to_string(), "token expired (SecretManager$InvalidToken)");
}
