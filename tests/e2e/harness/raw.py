"""Requests that no SDK would send: exact bytes over HTTP/1.1, HTTP/2 and gRPC."""

from __future__ import annotations

import base64
import http.client
import socket
import struct
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from google.rpc import error_details_pb2, status_pb2

GRPC = {
    0: "OK",
    3: "INVALID_ARGUMENT",
    4: "DEADLINE_EXCEEDED",
    8: "RESOURCE_EXHAUSTED",
    12: "UNIMPLEMENTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
}


@dataclass
class GrpcAnswer:
    headers: dict = field(default_factory=dict)
    body: bytes = b""

    @property
    def status(self) -> str:
        code = int(self.headers["grpc-status"])
        return GRPC.get(code, str(code))

    @property
    def message(self) -> bytes:
        """The response message, without gRPC's prefix."""
        return self.body[5:]

    def retry_delay(self) -> float | None:
        """The delay of RetryInfo in seconds, if there is one."""
        packed = self.headers.get("grpc-status-details-bin")
        return packed and retry_delay(base64.b64decode(packed + "=="))


def retry_delay(packed: bytes) -> float | None:
    """The delay in `grpc-status-details-bin`."""
    status = status_pb2.Status.FromString(packed)
    for detail in status.details:
        info = error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            return info.retry_delay.seconds + info.retry_delay.nanos / 1e9
    return None


def frame(message: bytes, compressed: bool = False) -> bytes:
    return struct.pack(">BI", compressed, len(message)) + message


def grpc(port: int, path: str, body: bytes, method: str = "POST", **headers: str) -> GrpcAnswer:
    """One call with exactly this body; underscores in header names become hyphens."""
    named = {"content-type": "application/grpc", "te": "trailers"}
    named |= {key.replace("_", "-"): value for key, value in headers.items()}
    connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    answer = GrpcAnswer()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as stream:
        connection.initiate_connection()
        pseudo = [(":method", method), (":scheme", "http"), (":authority", f"127.0.0.1:{port}"), (":path", path)]
        connection.send_headers(1, [*pseudo, *named.items()], end_stream=not body)
        left = memoryview(body)
        while True:
            left = _send_some(connection, left)
            _flush(connection, stream)
            received = stream.recv(65536)
            if not received:
                raise ConnectionError("closed without an answer")
            for event in connection.receive_data(received):
                if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)):
                    answer.headers |= dict(event.headers)
                elif isinstance(event, h2.events.DataReceived):
                    answer.body += event.data
                    connection.acknowledge_received_data(event.flow_controlled_length, 1)
                elif isinstance(event, h2.events.StreamEnded):
                    return answer
                elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                    # A server may answer and reset what it does not want to read.
                    if "grpc-status" in answer.headers:
                        return answer
                    raise ConnectionError(str(event))


def _send_some(connection: h2.connection.H2Connection, left: memoryview) -> memoryview:
    try:
        while left:
            size = min(len(left), connection.local_flow_control_window(1), connection.max_outbound_frame_size)
            if size == 0:
                break
            connection.send_data(1, bytes(left[:size]), end_stream=size == len(left))
            left = left[size:]
    except h2.exceptions.StreamClosedError:
        return memoryview(b"")
    return left


def _flush(connection: h2.connection.H2Connection, stream: socket.socket):
    try:
        stream.sendall(connection.data_to_send())
    except (BrokenPipeError, ConnectionResetError):
        # The answer may still be in our receive buffer.
        pass


@dataclass
class HttpAnswer:
    status: int
    headers: dict
    body: bytes


def http_post(port: int, path: str, body: bytes, method: str = "POST", **headers: str) -> HttpAnswer:
    """One request over HTTP/1.1; a server that answers before it read all is heard."""
    named = {"content-type": "application/x-protobuf"}
    named |= {key.replace("_", "-"): value for key, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        try:
            connection.request(method, path, body, named)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = connection.getresponse()
        return HttpAnswer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def endless(port: int, path: str, head: str, chunk: bytes, most: int) -> tuple[int, bytes]:
    """Sends `chunk` again and again until the server answers or `most` bytes went out. Returns how many did,
    and the beginning of the answer."""
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=60) as stream:
        stream.sendall(f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n{head}\r\n".encode())
        stream.settimeout(0.0)
        answer = b""
        try:
            import select

            while sent < most:
                readable, writable, _ = select.select([stream], [stream], [], 20)
                if readable:
                    break
                if writable:
                    sent += stream.send(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass
        stream.settimeout(20)
        try:
            answer = stream.recv(65536)
        except ConnectionResetError:
            pass
    return sent, answer
