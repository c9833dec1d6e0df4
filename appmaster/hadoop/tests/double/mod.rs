//! A scripted Hadoop server on loopback, for the faults that a real one cannot be made to show, and real bytes to replay.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use hadoop_client::Server;
use hadoop_client::rpc::{Authentication, Client, RetryPolicy, Service, Settings, Timeouts};
use hadoop_wire::messages::common::*;
use hadoop_wire::rpc::FrameSplitter;
use md5::{Digest, Md5};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Quick enough for a test, slow enough for a loaded machine.
pub const QUICK: RetryPolicy = RetryPolicy {
    total: Duration::from_secs(20),
    first_delay: Duration::from_millis(1),
    longest_delay: Duration::from_millis(4),
};

/// The realm, nonce and offer of a real scheduler port.
pub const CHALLENGE: &str = "realm=\"default\",nonce=\"/vdNV0BrMwSF85Ugd8EJhKMEIaQnWV8Q4rSsYBqb\",qop=\"auth\",\
                             charset=utf-8,algorithm=md5-sess";
const NONCE: &str = "/vdNV0BrMwSF85Ugd8EJhKMEIaQnWV8Q4rSsYBqb";

/// A listening double; it dies with its runtime.
pub struct Double {
    pub server: Server,
    connections: Arc<AtomicUsize>,
}

impl Double {
    /// Plays `script` for every connection; it gets the connection's number, counted from 0.
    pub async fn play<Script, Played>(script: Script) -> Double
    where
        Script: Fn(usize, Peer) -> Played + Send + 'static,
        Played: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = server(listener.local_addr().unwrap().port());
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(script(number, Peer { stream, frames: FrameSplitter::default() }));
            }
        });
        Double { server, connections }
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A port that was free a moment ago and refuses connections.
pub async fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

pub fn server(port: u16) -> Server {
    Server { role: "ResourceManager", host: "127.0.0.1".to_owned(), port, key: Some("some.address".to_owned()) }
}

pub fn settings(service: Service, authentication: Authentication) -> Settings {
    Settings { service, authentication, timeouts: Timeouts::default(), retry: QUICK }
}

pub fn alice() -> Settings {
    settings(Service::APPLICATION_CLIENT, Authentication::Simple { user: "alice".to_owned() })
}

pub fn client(servers: &[&Server], settings: Settings) -> Client {
    Client::new(servers.iter().map(|server| (*server).clone()).collect(), settings)
}

/// The server's side of one connection.
pub struct Peer {
    stream: TcpStream,
    frames: FrameSplitter,
}

/// A call as the server sees it.
pub struct Received {
    pub call_id: i32,
    pub method: String,
    pub body: Bytes,
}

impl Peer {
    /// The seven bytes of the connection header; returns the authentication byte.
    pub async fn header(&mut self) -> u8 {
        let mut header = [0; 7];
        self.stream.read_exact(&mut header).await.unwrap();
        assert_eq!(&header[..6], b"hrpc\x09\x00");
        header[6]
    }

    /// The next frame; none when the client hung up.
    pub async fn frame(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.frames.next_frame().unwrap() {
                return Some(frame);
            }
            if self.stream.read_buf(self.frames.buffer_mut()).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// Header and context of a client that claims its user; returns the claim.
    pub async fn simple(&mut self) -> Option<String> {
        assert_eq!(self.header().await, 0);
        self.context().await
    }

    pub async fn context(&mut self) -> Option<String> {
        let mut frame = self.frame().await.unwrap();
        let header = RpcRequestHeader::decode_length_delimited(&mut frame).unwrap();
        assert_eq!(header.call_id, -3);
        let context = IpcConnectionContext::decode_length_delimited(&mut frame).unwrap();
        context.user_info.and_then(|user| user.effective_user)
    }

    pub async fn call(&mut self) -> Option<Received> {
        let mut frame = self.frame().await?;
        let header = RpcRequestHeader::decode_length_delimited(&mut frame).unwrap();
        let request = RequestHeader::decode_length_delimited(&mut frame).unwrap();
        let length = prost::decode_length_delimiter(&mut frame).unwrap();
        assert_eq!(length, frame.remaining());
        Some(Received { call_id: header.call_id, method: request.method_name, body: frame })
    }

    pub async fn raw(&mut self, bytes: &[u8]) {
        // The client may have hung up already; that is part of some scripts.
        let _ = self.stream.write_all(bytes).await;
    }

    pub async fn answer(&mut self, call_id: i32, message: &impl Message) {
        let header = RpcResponseHeader { call_id: call_id.cast_unsigned(), ..RpcResponseHeader::default() };
        let mut body = BytesMut::from(header.encode_length_delimited_to_vec().as_slice());
        body.put_slice(&message.encode_length_delimited_to_vec());
        self.send(&body).await;
    }

    pub async fn fail(&mut self, call_id: i32, status: RpcStatus, class: &str) {
        let header = RpcResponseHeader {
            call_id: call_id.cast_unsigned(),
            status: status as i32,
            exception_class_name: Some(class.to_owned()),
            error_message: Some("scripted\n\tat java.base".to_owned()),
            ..RpcResponseHeader::default()
        };
        self.send(&header.encode_length_delimited_to_vec()).await;
    }

    /// Plays the server's part of token authentication; returns the DIGEST message, proves itself by `password`.
    pub async fn digest(&mut self, password: &[u8]) -> String {
        assert_eq!(self.header().await, 0xdf);
        assert_eq!(self.sasl().await.state(), SaslState::Negotiate);
        let auth = SaslAuth {
            method: "TOKEN".to_owned(),
            mechanism: "DIGEST-MD5".to_owned(),
            protocol: Some(String::new()),
            server_id: Some("default".to_owned()),
            challenge: Some(Bytes::from_static(CHALLENGE.as_bytes())),
        };
        self.send_sasl(&RpcSasl {
            state: SaslState::Negotiate as i32,
            auths: vec![auth.clone()],
            ..Default::default()
        })
        .await;
        let initiate = self.sasl().await;
        assert_eq!(initiate.auths, [SaslAuth { challenge: None, ..auth }]);
        let message = String::from_utf8(initiate.token.unwrap().to_vec()).unwrap();
        let proof = format!("rspauth={}", proof(&message, password));
        self.send_sasl(&RpcSasl {
            state: SaslState::Success as i32,
            token: Some(Bytes::from(proof)),
            ..Default::default()
        })
        .await;
        message
    }

    async fn sasl(&mut self) -> RpcSasl {
        let mut frame = self.frame().await.unwrap();
        let header = RpcRequestHeader::decode_length_delimited(&mut frame).unwrap();
        assert_eq!(header.call_id, -33);
        RpcSasl::decode_length_delimited(&mut frame).unwrap()
    }

    async fn send_sasl(&mut self, message: &RpcSasl) {
        self.answer(-33, message).await;
    }

    async fn send(&mut self, body: &[u8]) {
        let mut frame = BytesMut::new();
        frame.put_u32(u32::try_from(body.len()).unwrap());
        frame.put_slice(body);
        self.raw(&frame).await;
    }
}

/// One quoted or bare value of a DIGEST message.
pub fn value<'a>(message: &'a str, name: &str) -> &'a str {
    let start = message.find(&format!(",{name}=")).unwrap() + name.len() + 2;
    let rest = &message[start..];
    match rest.strip_prefix('"') {
        Some(quoted) => &quoted[..quoted.find('"').unwrap()],
        None => &rest[..rest.find(',').unwrap_or(rest.len())],
    }
}

fn proof(message: &str, password: &[u8]) -> String {
    let (user, client_nonce) = (value(message, "username"), value(message, "cnonce"));
    let mut session = Md5::digest(format!("{user}:default:{}", STANDARD.encode(password))).to_vec();
    session.extend_from_slice(format!(":{NONCE}:{client_nonce}").as_bytes());
    let uri = hex(&Md5::digest(":/default"));
    hex(&Md5::digest(format!("{}:{NONCE}:00000001:{client_nonce}:auth:{uri}", hex(&Md5::digest(session)))))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The server's frames of a recorded connection, in order.
pub fn golden(file: &str) -> Vec<Vec<u8>> {
    let path = format!("{}/tests/golden/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let frames = text.lines().filter_map(|line| line.strip_prefix("S "));
    frames.map(|line| unhex(line.split_whitespace().next().unwrap())).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// The error with its causes, as a user sees it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
