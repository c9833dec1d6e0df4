//! Links over loopback: who is let in, who is not, and that results arrive whole.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use bobbin_link::{
    AcceptError, Accepted, Acceptor, Authority, Connector, DialError, Identity, LinkEnd, Pump, Secret, UserAcceptor,
    listen, pump,
};
use bobbin_proto::{
    DriverHello, FromDriver, FromWorker, Heartbeat, SessionStatus, ToWorker, WorkerHello, from_driver, from_worker,
    to_worker,
};
use futures::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

struct Server {
    address: String,
    accepted: tokio::task::JoinHandle<Result<Accepted, AcceptError>>,
}

async fn serve(identity: &Identity) -> Server {
    let listener = listen("127.0.0.1", None).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let acceptor = Acceptor::new(identity).unwrap();
    let accepted = tokio::spawn(async move {
        let (tcp, peer) = listener.accept().await.unwrap();
        acceptor.accept(tcp, peer).await?.welcome(&Arc::from("application_1_0001"), (7, 1)).await
    });
    Server { address, accepted }
}

fn identities() -> (Authority, Secret, Identity) {
    let (authority, secret) = (Authority::generate().unwrap(), Secret::generate());
    let identity = authority.issue("test", &secret).unwrap();
    (authority, secret, identity)
}

#[tokio::test]
async fn a_worker_is_welcomed_and_frames_go_both_ways() {
    let (authority, secret, identity) = identities();
    let server = serve(&identity).await;
    let restored = Authority::from_pem(authority.certificate_pem(), authority.key_pem());
    let worker = Connector::new(&restored.issue("worker", &secret).unwrap()).unwrap();
    let (mut link, welcome) =
        worker.dial_as_worker(&server.address, WorkerHello { host: "w1".into(), ..Default::default() }).await.unwrap();
    assert_eq!((welcome.worker_id, welcome.application_id.as_str()), (7, "application_1_0001"));
    let Accepted::Worker(mut other) = server.accepted.await.unwrap().unwrap() else { panic!("not a worker") };
    let beat = FromWorker { message: Some(from_worker::Message::Heartbeat(Heartbeat {})) };
    link.send(beat.clone()).await.unwrap();
    assert_eq!(other.next().await.unwrap().unwrap(), beat);
    let beat = ToWorker { message: Some(to_worker::Message::Heartbeat(Heartbeat {})) };
    other.send(beat.clone()).await.unwrap();
    assert_eq!(link.next().await.unwrap().unwrap(), beat);
}

#[tokio::test]
async fn a_wrong_secret_is_refused_with_a_reason() {
    let (authority, _, identity) = identities();
    let server = serve(&identity).await;
    let stranger = Connector::new(&authority.issue("stranger", &Secret::generate()).unwrap()).unwrap();
    let Err(error) = stranger.dial_as_driver(&server.address, DriverHello { name: "x".into() }).await else {
        panic!("let in")
    };
    assert!(matches!(&error, DialError::Refused { reason, .. } if reason.contains("secret")), "{error}");
    assert!(matches!(server.accepted.await.unwrap(), Err(AcceptError::Secret { .. })));
}

#[tokio::test]
async fn another_authority_is_refused_by_tls_on_both_sides() {
    let (_, secret, identity) = identities();
    let server = serve(&identity).await;
    let foreign = Authority::generate().unwrap().issue("foreign", &secret).unwrap();
    let outcome = Connector::new(&foreign).unwrap().dial_as_peer(&server.address).await;
    assert!(matches!(outcome, Err(DialError::Tls { .. })));
    assert!(matches!(server.accepted.await.unwrap(), Err(AcceptError::Tls { .. })));
}

#[tokio::test]
async fn garbage_is_refused() {
    let (_, _, identity) = identities();
    let server = serve(&identity).await;
    let mut tcp = TcpStream::connect(&server.address).await.unwrap();
    tcp.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(matches!(server.accepted.await.unwrap(), Err(AcceptError::Tls { .. })));
}

#[tokio::test]
async fn results_of_any_size_arrive_whole() {
    let (_, _, identity) = identities();
    let server = serve(&identity).await;
    let mut connection = Connector::new(&identity).unwrap().dial_as_peer(&server.address).await.unwrap();
    let Accepted::Peer(mut serving) = server.accepted.await.unwrap().unwrap() else { panic!("not a peer") };
    let serving = tokio::spawn(async move {
        while let Some(request) = serving.request().await.unwrap() {
            for task in request.tasks {
                if task == 99 {
                    serving.refuse(99, "no result of task 99 here").await.unwrap();
                    continue;
                }
                let bytes: Vec<u8> = (0..task as usize).map(|at| at as u8).collect();
                serving.reply(task, bytes.len() as u64).await.unwrap();
                for piece in bytes.chunks(100_000) {
                    serving.send(piece).await.unwrap();
                }
            }
            serving.flush().await.unwrap();
        }
    });
    for size in [0, 1, 1000, 300_000, 3_000_000] {
        let mut body = connection.fetch(1, size).await.unwrap();
        let mut received = Vec::new();
        while let Some(chunk) = body.chunk().await.unwrap() {
            received.extend_from_slice(&chunk);
        }
        assert!(received.len() == size as usize && received.iter().enumerate().all(|(at, byte)| at as u8 == *byte));
    }
    // Many for one request, most of them empty, the last one too.
    let many = [0, 0, 5, 0, 300_000, 0];
    connection.ask(1, many.to_vec(), 2, 0).await.unwrap();
    for size in many {
        let mut body = connection.next().await.unwrap();
        assert_eq!(body.remaining(), u64::from(size));
        while body.chunk().await.unwrap().is_some() {}
    }
    let refused = connection.fetch(1, 99).await.map(|body| body.remaining());
    assert!(refused.unwrap_err().to_string().contains("no result of task 99"));
    drop(connection);
    serving.await.unwrap();
}

#[tokio::test]
async fn a_pump_carries_messages_and_heartbeats_and_notices_the_end() {
    let (_, _, identity) = identities();
    let server = serve(&identity).await;
    let (link, _) =
        Connector::new(&identity).unwrap().dial_as_worker(&server.address, WorkerHello::default()).await.unwrap();
    let Accepted::Worker(other) = server.accepted.await.unwrap().unwrap() else { panic!("not a worker") };
    let beat = FromWorker { message: Some(from_worker::Message::Heartbeat(Heartbeat {})) };
    let (to_us, mut from_other) = mpsc::channel(4);
    let (to_other, outgoing) = mpsc::channel(4);
    let silence = std::time::Duration::from_millis(200);
    let worker = tokio::spawn(async move {
        let ends = Pump { outgoing, incoming: to_us, heartbeat: beat, silence: 10 * silence };
        pump(link, ends, |message: ToWorker| message).await
    });
    // Only heartbeats keep the other side from calling us silent: eight of them are eight quarters of its limit.
    let (seen, mut beats) = mpsc::channel(64);
    let (master, outgoing) = mpsc::channel(4);
    let heartbeat = ToWorker { message: Some(to_worker::Message::Heartbeat(Heartbeat {})) };
    let master_side = tokio::spawn(async move {
        let ends = Pump { outgoing, incoming: seen, heartbeat, silence: 10 * silence };
        pump(*other, ends, |message: FromWorker| message).await
    });
    for _ in 0..2 {
        assert!(matches!(beats.recv().await.unwrap().message, Some(from_worker::Message::Heartbeat(_))));
        assert!(matches!(from_other.recv().await.unwrap().message, Some(to_worker::Message::Heartbeat(_))));
    }
    drop(to_other);
    assert!(matches!(worker.await.unwrap(), LinkEnd::Ours));
    assert!(matches!(master_side.await.unwrap(), LinkEnd::Closed));
    drop(master);
}

/// A socket of this machine, served to processes of `user`.
async fn socket(user: u32) -> (tempfile::TempDir, String, tokio::task::JoinHandle<Result<Accepted, AcceptError>>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket").display().to_string();
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let accepted = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        UserAcceptor::new(user).accept(socket).await?.welcome(&Arc::from("local-test"), (0, 0)).await
    });
    (directory, path, accepted)
}

/// Who this process is: who owns what it makes.
fn user() -> u32 {
    std::os::unix::fs::MetadataExt::uid(&tempfile::tempdir().unwrap().path().metadata().unwrap())
}

#[tokio::test]
async fn processes_of_one_user_need_no_secret() {
    let (_directory, path, accepted) = socket(user()).await;
    let (mut link, welcome) =
        Connector::of_user(user()).dial_as_driver(&path, DriverHello { name: "x".into() }).await.unwrap();
    assert_eq!(welcome.application_id, "local-test");
    let Accepted::Driver(mut other) = accepted.await.unwrap().unwrap() else { panic!("not a driver") };
    let beat = FromDriver { message: Some(from_driver::Message::Heartbeat(Heartbeat {})) };
    link.send(beat.clone()).await.unwrap();
    assert_eq!(other.next().await.unwrap().unwrap(), beat);
}

#[tokio::test]
async fn another_users_process_is_refused_with_a_reason() {
    let (_directory, path, accepted) = socket(user() + 1).await;
    let Err(error) = Connector::of_user(user()).dial_as_peer(&path).await else { panic!("let in") };
    let reason = format!("is of user {}, and only those of user {} belong here", user(), user() + 1);
    assert!(matches!(&error, DialError::Refused { reason: said, .. } if said.contains(&reason)), "{error}");
    assert!(matches!(accepted.await.unwrap(), Err(AcceptError::User { .. })));
}

#[tokio::test]
async fn a_socket_that_another_user_serves_is_not_asked_anything() {
    let (_directory, path, _accepted) = socket(user()).await;
    let Err(error) = Connector::of_user(user() + 1).ask_status(&path).await else { panic!("believed") };
    assert!(matches!(error, DialError::User { theirs, .. } if theirs == user()), "{error}");
}

#[tokio::test]
async fn a_watcher_is_told_once() {
    let (_directory, path, accepted) = socket(user()).await;
    let telling = tokio::spawn(async move {
        let Accepted::Watcher(mut link) = accepted.await.unwrap().unwrap() else { panic!("not a watcher") };
        link.send(SessionStatus { pid: 7, ..SessionStatus::default() }).await.unwrap();
    });
    assert_eq!(Connector::of_user(user()).ask_status(&path).await.unwrap().pid, 7);
    telling.await.unwrap();
}
