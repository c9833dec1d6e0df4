//! Frames that a client sends: calls, pings, SASL messages, the connection context.

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;

use super::{CALL_ID_CONTEXT, CALL_ID_PING, CALL_ID_SASL};
use crate::messages::common::{
    IpcConnectionContext, RequestHeader, RpcKind, RpcOperation, RpcRequestHeader, RpcSasl, UserInformation,
};

/// Retry count of everything that is no call.
const NO_RETRY_COUNT: i32 = -1;
/// The only version that any of Hadoop's protocols has.
const PROTOCOL_VERSION: u64 = 1;

/// Sixteen random bytes that name this client to a server for the life of its process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientId(Bytes);

impl ClientId {
    /// The id made of these bytes; the caller brings the randomness.
    pub fn new(random: [u8; 16]) -> Self {
        Self(Bytes::copy_from_slice(&random))
    }
}

/// Which method of which protocol a call invokes.
#[derive(Clone, Copy, Debug)]
pub struct CallHeader<'a> {
    /// Such as `org.apache.hadoop.yarn.api.ApplicationClientProtocolPB`.
    pub protocol: &'a str,
    /// Such as `getClusterNodes`.
    pub method: &'a str,
    /// At least 0; the answer carries it.
    pub call_id: i32,
    /// 0 for the first attempt.
    pub retry_count: i32,
}

/// The frame of one call.
pub fn encode_call(client: &ClientId, call: CallHeader<'_>, request: &impl Message) -> Bytes {
    let header = RequestHeader {
        method_name: call.method.to_owned(),
        declaring_class_protocol_name: call.protocol.to_owned(),
        client_protocol_version: PROTOCOL_VERSION,
    };
    let mut body = request_header(client.0.clone(), call.call_id, call.retry_count);
    append(&mut body, &header);
    append(&mut body, request);
    frame(body)
}

/// The frame of a ping: keeps a connection alive, is never answered.
pub fn encode_ping(client: &ClientId) -> Bytes {
    frame(request_header(client.0.clone(), CALL_ID_PING, NO_RETRY_COUNT))
}

/// The frame that precedes the first call. After authentication by token there must be no user in it.
pub(super) fn encode_context(client: &ClientId, protocol: &str, user: Option<&str>) -> Bytes {
    let context = IpcConnectionContext {
        user_info: user.map(|user| UserInformation { effective_user: Some(user.to_owned()), real_user: None }),
        protocol: Some(protocol.to_owned()),
    };
    let mut body = request_header(client.0.clone(), CALL_ID_CONTEXT, NO_RETRY_COUNT);
    append(&mut body, &context);
    frame(body)
}

/// The frame of one SASL message.
pub(super) fn encode_sasl(message: &RpcSasl) -> Bytes {
    let mut body = request_header(Bytes::new(), CALL_ID_SASL, NO_RETRY_COUNT);
    append(&mut body, message);
    frame(body)
}

/// Servers refuse a header without kind and operation, although both are optional: they are written out.
fn request_header(client_id: Bytes, call_id: i32, retry_count: i32) -> BytesMut {
    let header = RpcRequestHeader {
        rpc_kind: Some(RpcKind::ProtocolBuffer as i32),
        rpc_op: Some(RpcOperation::FinalPacket as i32),
        call_id,
        client_id,
        retry_count: Some(retry_count),
        ..RpcRequestHeader::default()
    };
    let mut body = BytesMut::new();
    append(&mut body, &header);
    body
}

fn append(body: &mut BytesMut, message: &impl Message) {
    message.encode_length_delimited(body).expect("a growing buffer has room for every message");
}

fn frame(body: BytesMut) -> Bytes {
    let length = u32::try_from(body.len()).expect("requests are far below 4 GiB");
    let mut frame = BytesMut::with_capacity(4 + body.len());
    frame.put_u32(length);
    frame.put(body);
    frame.freeze()
}
