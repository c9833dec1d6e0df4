"""Connections to the parts of one application: credentials, TLS, the first frames, frames, results.

Standard library and generated messages only; what is done here is what `bobbin.proto` says.
"""

from __future__ import annotations

import os
import socket
import ssl
import struct
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import bobbin_pb2 as wire
from google.protobuf.message import Message

PROTOCOL_VERSION = 6
NAME = "application.bobbin.internal"
MAX_FRAME = 64 << 20
HANDSHAKE_LIMIT = 20.0
FETCH_LIMIT = 20.0
CHUNK = 256 << 10


class LinkFault(Exception):
    """A connection that is not there, or not any more."""


class Refused(LinkFault):
    """The other side sent us away; its words."""


class Closed(LinkFault):
    """The connection has ended."""


class CallFailed(LinkFault):
    """What a called function or method says instead of a result."""


class StateGone(LinkFault):
    """The state of an actor is not there, or not the one that was meant."""


class FetchRefused(LinkFault):
    """A worker does not have what it was asked for; its words."""


def read_credentials(data: bytes) -> dict[str, bytes]:
    """The secrets of a Hadoop token file, by alias; its tokens are not for us."""
    if data[:5] != b"HDTS\0":
        raise LinkFault("the credentials are no Hadoop token file of format 0")
    at = 5

    def number() -> int:
        nonlocal at
        first = int.from_bytes(data[at : at + 1], signed=True)
        count = 0 if first >= -112 else -112 - first
        at += 1 + count
        return int.from_bytes(data[at - count : at]) if count else first

    def block() -> bytes:
        nonlocal at
        length = number()
        at += length
        return data[at - length : at]

    for _ in range(number()):
        # Alias, identifier, password, kind and service of a token.
        for _ in range(5):
            block()
    secrets = {}
    for _ in range(number()):
        alias = block().decode()
        secrets[alias] = block()
    return secrets


@dataclass(frozen=True)
class Application:
    """Where an application is, and what shows that we belong to it."""

    address: str
    secret: bytes
    tls: ssl.SSLContext

    @classmethod
    def of_environment(cls, variables: Mapping[str, str] = os.environ) -> Application:
        """The application that a command of `yarn-submit run` is part of."""
        with open(variables["BOBBIN_CREDENTIALS"], "rb") as file:
            secrets = read_credentials(file.read())
        tls = authority_context(secrets["bobbin.authority.cert"])
        # Python takes own certificates from files only; a temporary file is its owner's alone.
        with tempfile.NamedTemporaryFile() as file:
            file.write(secrets["bobbin.leaf.cert"] + b"\n" + secrets["bobbin.leaf.key"])
            file.flush()
            tls.load_cert_chain(file.name)
        return cls(variables["BOBBIN_MASTER_ADDRESS"], secrets["bobbin.secret"], tls)

    def with_secret(self, secret: bytes) -> Application:
        """The same, as somebody with another secret sees it."""
        return replace(self, secret=secret)


def authority_context(certificate: bytes) -> ssl.SSLContext:
    """TLS that believes this authority alone, without a certificate of our own."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.verify_flags |= ssl.VERIFY_X509_STRICT
    tls.load_verify_locations(cadata=certificate.decode())
    return tls


class Link:
    """One connection that has been welcomed; frames go both ways. Of its `Hello` whoever dials gives the role."""

    def __init__(self, application: Application, address: str, role: wire.Hello, version: int = PROTOCOL_VERSION) -> None:
        host, _, port = address.rpartition(":")
        self._received = bytearray()
        try:
            tcp = socket.create_connection((host.strip("[]"), int(port)), timeout=HANDSHAKE_LIMIT)
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = application.tls.wrap_socket(tcp, server_hostname=NAME)
        except OSError as error:
            raise LinkFault(f"connect to {address}: {error}") from error
        hello = wire.Hello(protocol_version=version, secret=application.secret, build="python")
        hello.MergeFrom(role)
        try:
            self._greet(hello)
        except LinkFault:
            self.close()
            raise

    def _greet(self, hello: wire.Hello) -> None:
        self.send(hello)
        frame = self.receive(HANDSHAKE_LIMIT)
        if frame is None:
            raise Closed(f"no welcome within {HANDSHAKE_LIMIT} s")
        self.welcome = wire.Welcome.FromString(frame)
        if self.welcome.error:
            raise Refused(self.welcome.error)
        if self.welcome.protocol_version != PROTOCOL_VERSION:
            raise LinkFault(f"protocol {self.welcome.protocol_version} is spoken here, {PROTOCOL_VERSION} by us")

    def send(self, message: Message) -> None:
        """One message as a frame."""
        body = message.SerializeToString()
        if len(body) > MAX_FRAME:
            raise LinkFault(f"a message of {len(body)} bytes is too long for a frame")
        self.send_raw(struct.pack(">I", len(body)) + body)

    def send_raw(self, data: bytes) -> None:
        """Bytes as they are."""
        with self._translated():
            self._socket.settimeout(HANDSHAKE_LIMIT)
            self._socket.sendall(data)

    def receive(self, patience: float) -> bytes | None:
        """The next frame's message; `None` when it takes longer than so many seconds."""
        deadline = time.monotonic() + patience
        while True:
            frame = self._take_frame()
            if frame is not None or not self._fill(deadline):
                return frame

    def receive_raw(self, length: int, patience: float) -> bytes:
        """So many bytes as they are; there are never longer pauses than so many seconds."""
        data = self._received[:length]
        del self._received[:length]
        while len(data) < length:
            more = self._read(min(CHUNK, length - len(data)), time.monotonic() + patience)
            if more is None:
                raise Closed(f"nothing came for {patience} s")
            data += more
        return bytes(data)

    def close(self) -> None:
        """The end of the connection."""
        self._socket.close()

    def abort(self) -> None:
        """The end of the connection as a process that is killed leaves it: without TLS's goodbye, by a reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def _take_frame(self) -> bytes | None:
        if len(self._received) < 4:
            return None
        (length,) = struct.unpack_from(">I", self._received)
        if length > MAX_FRAME:
            raise LinkFault(f"a frame of {length} bytes is longer than the limit")
        if len(self._received) < 4 + length:
            return None
        frame = bytes(self._received[4 : 4 + length])
        del self._received[: 4 + length]
        return frame

    def _fill(self, deadline: float) -> bool:
        more = self._read(CHUNK, deadline)
        self._received += more or b""
        return more is not None

    def _read(self, most: int, deadline: float) -> bytes | None:
        # No time at all would mean a socket that does not wait, which is another mode of TLS.
        self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
        with self._translated():
            try:
                data = self._socket.recv(most)
            except TimeoutError:
                return None
        if not data:
            raise Closed("the other side closed the connection")
        return data

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Closed(f"the connection failed: {error}") from error


class Fetcher:
    """A connection to a worker that has results."""

    def __init__(self, application: Application, address: str) -> None:
        self._link = Link(application, address, wire.Hello(peer=wire.PeerHello()))

    def fetch(self, tasks: Sequence[int], part: int = 0, master: int = 1) -> list[bytes]:
        """The same part of these results, by the numbers that this application master has given to their tasks."""
        self._link.send(wire.FetchRequest(tasks=tasks, part=part, master=master))
        return [self._next() for _ in tasks]

    def run(self, function: wire.Function, *values: bytes) -> bytes:
        """The result of a function that is called beside the worker's tasks, with these written values."""
        call = wire.Call(arguments=[wire.Argument(value=value) for value in values])
        return self.call(function=wire.FunctionCall(function=function, call=call))[1]

    def state(
        self, result: int, method: wire.Function | None = None, *values: bytes, incarnation: int = 0
    ) -> tuple[int, bytes]:
        """Calls a method of the state that this result is, or asks for its incarnation only: that, and the method's result."""
        call = wire.Call(arguments=[wire.Argument(value=value) for value in values])
        reply, data = self.call(call=wire.StateCall(task=result, incarnation=incarnation, method=method, call=call))
        return reply.incarnation, data

    def call(self, **call: object) -> tuple[wire.FetchReply, bytes]:
        """One of the calls of `FetchRequest`, by its name there."""
        self._link.send(wire.FetchRequest(master=1, **call))  # type: ignore[arg-type]
        frame = self._link.receive(FETCH_LIMIT)
        if frame is None:
            raise Closed(f"nothing came for {FETCH_LIMIT} s")
        reply = wire.FetchReply.FromString(frame)
        if reply.error:
            raise (StateGone if reply.gone else CallFailed)(reply.error)
        return reply, self._link.receive_raw(reply.length, FETCH_LIMIT)

    def _next(self) -> bytes:
        frame = self._link.receive(FETCH_LIMIT)
        if frame is None:
            raise Closed(f"nothing came for {FETCH_LIMIT} s")
        reply = wire.FetchReply.FromString(frame)
        if reply.error:
            raise FetchRefused(reply.error)
        return self._link.receive_raw(reply.length, FETCH_LIMIT)

    def close(self) -> None:
        """The end of the connection."""
        self._link.close()
