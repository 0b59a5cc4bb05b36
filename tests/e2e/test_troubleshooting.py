"""What the page for trouble quotes is what the collector says: each symptom is provoked, each quoted line is heard."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import urllib.parse
from pathlib import Path

import pytest

from harness import config, ports, raw, signals, waiting, wire
from harness.collector import Collector, binary
from harness.serving import HttpServer, body, reply

PAGE = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text()
LINE = re.compile(r"^.*?(info|warn|error)\t(?:\S+\t)?([^\t]+)\t(\{.*\})$", re.MULTILINE)
SPANS = 3
REQUEST = wire.nested([1, 2], b"".join(wire.field(2, wire.span(span_id=bytes([n + 1] * 8))) for n in range(SPANS)))
DROPPED = "Exporting failed. Dropping data."
GAVE = "protocols.thrift_compact.socket_buffer_size: the kernel gave 0 of 0 bytes: raise its limit, on Linux with `sysctl -w net.core.rmem_max=0`"


def lines(text: str) -> set[tuple[str, str, str]]:
    """Lines of a log: level, message and fields, without what differs from run to run."""

    def fields(found: str) -> str:
        told = json.loads(found)
        told.pop("resource", None)
        return json.dumps(told, sort_keys=True)

    return {(level, some_number(message), some_number(fields(found))) for level, message, found in LINE.findall(text)}


def some_number(text: str) -> str:
    return re.sub(r"\d+", "0", text)


QUOTED = lines(PAGE)


def heard(one: Collector, *messages: str, only: str = ""):
    """All that the page quotes with these messages, and with `only` in it, stands in the log."""
    wanted = {quote for quote in QUOTED if quote[1] in messages and only in quote[2]}
    assert {message for _, message, _ in wanted} == set(messages), f"the page does not quote {messages}"
    waiting.until(lambda: wanted <= lines(one.log()), lambda: f"{wanted - lines(one.log())}\nin\n{one.log()}")


def on_the_page(text: str):
    assert some_number(text) in some_number(PAGE), f"not on the page: {text}"


class Refusing(HttpServer):
    """Reads what comes and says no."""

    def __init__(self, status: int, text: bytes):
        super().__init__()
        self._status, self._text = status, text

    def post(self, handler):
        body(handler)
        reply(handler, self._status, self._text, "text/plain")


@pytest.fixture
def away(collector):
    """Its backend is away, and its queue holds two requests."""
    pipe = config.Pipe(config.to_grpc(f"127.0.0.1:{ports.free_one()}", sending_queue={"queue_size": 2}), name="otlp_grpc", processors={})
    return pipe, collector(pipe.config, args=("--shutdown-timeout=2s",))


def export(port: int, message: bytes = REQUEST) -> raw.GrpcAnswer:
    return raw.grpc(port, signals.TRACES.method, raw.frame(message))


def test_a_backend_that_is_away_fills_the_queue_and_costs_what_is_held_at_the_end(away):
    pipe, one = away
    for _ in range(2):
        assert export(pipe.grpc_port).status == "OK"
    heard(one, "Exporting failed. Will retry the request after interval.", "component degraded")
    refused = export(pipe.grpc_port)
    assert refused.status == "UNAVAILABLE"
    on_the_page(f"Error details: {urllib.parse.unquote(refused.headers['grpc-message'])}")
    heard(one, "refusing data")
    assert one.stop() == 0
    heard(one, "stopped before everything was sent, the rest is lost", "Shutdown complete.")


def test_a_second_signal_says_what_is_held(away):
    pipe, one = away
    assert export(pipe.grpc_port).status == "OK"
    waiting.until(lambda: "Will retry" in one.log(), "a failure")
    one.signal(signal.SIGTERM)
    waiting.until(lambda: "Starting shutdown" in one.log(), "the shutdown")
    one.signal(signal.SIGTERM)
    assert one.wait(5) == 1
    heard(one, "second signal, exiting at once")


def test_it_says_where_it_listens_and_that_reload_is_not_there(away):
    _, one = away
    heard(one, "Starting GRPC server")
    one.signal(signal.SIGHUP)
    heard(one, "reload is not built yet, the configuration stays as it is")


@pytest.mark.parametrize(
    ("path", "status", "text"), [("", 400, "no such tenant"), ("/v1/traces", 404, "404 page not found\n")]
)
def test_what_a_backend_refuses_for_good_is_dropped_with_its_words(collector, path, status, text):
    with Refusing(status, text.encode()) as backend:
        pipe = config.Pipe({"endpoint": backend.endpoint + path}, name="otlp_http", processors={})
        one = collector(pipe.config)
        assert export(pipe.grpc_port).status == "OK"
        heard(one, DROPPED, only=some_number(text.strip()))


def test_what_prometheus_refuses_is_dropped_with_its_words(collector):
    with Refusing(400, b"out of order sample\n") as prometheus:
        exporter = {"endpoint": f"{prometheus.endpoint}/api/v1/write"}
        pipe = config.Pipe(exporter, name="prometheus_remote_write", processors={})
        del pipe.config["service"]["pipelines"]["traces"], pipe.config["service"]["pipelines"]["logs"]
        one = collector(pipe.config)
        point = {"timeUnixNano": "1700000000000000000", "asDouble": 1}
        metric = {"name": "old", "gauge": {"dataPoints": [point]}}
        request = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).encode()
        answer = raw.http_post(pipe.http_port, "/v1/metrics", request, content_type="application/json")
        assert answer.status == 200
        heard(one, DROPPED, only="out of order")


def test_in_a_pod_it_says_who_can_send(collector, grpc_sink):
    pipe = config.Pipe(config.to_grpc(grpc_sink.endpoint), name="otlp_grpc", processors={})
    one = collector(pipe.config, env={"KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    said = "receivers listen on localhost: only containers of this pod can send"
    assert said in one.log()
    on_the_page(said)


def test_a_request_that_is_too_large_names_the_key(away):
    pipe, _ = away
    refused = export(pipe.grpc_port, b"\x0a" * 6_045_041)
    assert refused.status == "RESOURCE_EXHAUSTED"
    on_the_page(urllib.parse.unquote(refused.headers["grpc-message"]))


def test_answers_over_http_are_those_of_the_table(away):
    pipe, _ = away
    of_json = {"content_type": "application/json"}
    for answer, status in [
        (raw.http_post(pipe.http_port, "/v1/traces", b"{}", content_type="application/x-www-form-urlencoded"), 415),
        (raw.http_post(pipe.http_port, "/v1/traces", b"", method="GET"), 405),
    ]:
        assert answer.status == status
        on_the_page(answer.body.decode())
    assert raw.http_post(pipe.http_port, "/", b"{}", **of_json).status == 404
    malformed = raw.http_post(pipe.http_port, "/v1/traces", b"{", **of_json)
    assert malformed.status == 400
    on_the_page(json.loads(malformed.body)["message"].split(":")[0])


def test_a_limiter_below_idle_use_refuses_everything(collector, grpc_sink):
    limiter = {"memory_limiter": {"check_interval": "1s", "limit_mib": 8, "spike_limit_mib": 4}}
    pipe = config.Pipe(config.to_grpc(grpc_sink.endpoint), name="otlp_grpc", processors=limiter)
    one = collector(pipe.config)
    refused = export(pipe.grpc_port)
    assert refused.status == "UNAVAILABLE"
    on_the_page(urllib.parse.unquote(refused.headers["grpc-message"]).split(": ")[1])
    heard(one, "Memory usage is above soft limit. Refusing data.")


def test_the_budget_names_what_is_in_use(collector, grpc_sink):
    pipe = config.Pipe(config.to_grpc(grpc_sink.endpoint), name="otlp_grpc", processors={})
    collector(pipe.config, args=("--memory-budget-mib=2",))
    refused = export(pipe.grpc_port, b"\x0a" * 4_000_000)
    assert refused.status == "UNAVAILABLE", refused
    said = re.sub(r"\d+", "0", urllib.parse.unquote(refused.headers["grpc-message"]))
    assert said.startswith("refused for lack of memory: 0 bytes would exceed the memory budget: 0 of 0 bytes are in use")
    on_the_page(said)


def test_udp_says_what_the_kernel_gave_and_what_it_cannot_read(collector):
    (port,) = ports.free_udp(1)
    udp = {"endpoint": f"127.0.0.1:{port}", "socket_buffer_size": 1 << 29}
    one = collector(
        {
            "receivers": {"jaeger": {"protocols": {"thrift_compact": udp}}},
            "exporters": {"nop": {}},
            "service": {"pipelines": {"traces": {"receivers": ["jaeger"], "exporters": ["nop"]}}},
        }
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"hello", ("127.0.0.1", port))
    heard(one, "dropped packets that cannot be decoded", GAVE)


@pytest.mark.parametrize("tls", [True, False])
def test_the_wrong_protocol_is_told_as_the_table_says(collector, tls):
    """TLS, and gRPC, to a server of HTTP/1.1 that understands neither."""
    with HttpServer() as server:
        exporter = {"endpoint": server.address, "tls": {"insecure": not tls}}
        pipe = config.Pipe(exporter, name="otlp_grpc", processors={})
        one = collector(pipe.config, args=("--shutdown-timeout=1s",))
        assert export(pipe.grpc_port).status == "OK"
        waiting.until(lambda: "Will retry" in one.log(), "a failure")
        line = next(line for line in one.log().splitlines() if "Will retry" in line)
        error = json.loads(line.split("\t")[4])["error"]
        if tls:
            on_the_page(error[error.index("TLS handshake") :])
        else:
            # How it broke depends on who was faster.
            assert "desc = the connection broke: " in error


def test_a_port_that_is_taken_is_named(away, tmp_path):
    pipe, one = away
    for metrics_port in (one.metrics_port, ports.free_one()):
        again = json.loads(json.dumps(pipe.config))
        reader = {"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": metrics_port}}}}
        again["service"]["telemetry"]["metrics"] = {"readers": [reader]}
        file = tmp_path / f"again-{metrics_port}.yaml"
        file.write_text(json.dumps(again, indent=1))
        done = subprocess.run([binary(), "--config", file], capture_output=True, text=True, timeout=30)
        assert done.returncode == 1
        on_the_page(done.stderr.splitlines()[-1])


TLS = """\
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: localhost:0
        tls: {cert_file: server.pem, key_file: server.key}
exporters: {nop: }
service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
"""


def test_files_that_are_missing_are_told_before_the_start(tmp_path):
    (tmp_path / "gateway.yaml").write_text(TLS)
    command = [binary(), "validate", "--config", "gateway.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    on_the_page(done.stderr)


@pytest.mark.parametrize(
    ("status", "page", "media_type"),
    [
        (200, b"a 1\nb{ 2\n", "text/plain; version=0.0.4"),
        (200, b"<html>", "text/html"),
        (404, b"", "text/plain"),
    ],
)
def test_a_target_that_is_not_scraped_is_told_as_the_table_says(collector, status, page, media_type):
    class Target(HttpServer):
        def get(self, handler):
            reply(handler, status, page, media_type)

    with Target() as target:
        job = {"job_name": "bad", "metrics_path": "/bad", "static_configs": [{"targets": [target.address]}]}
        one = collector(
            {
                "receivers": {"prometheus": {"config": {"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}}},
                "exporters": {"nop": {}},
                "service": {"pipelines": {"metrics": {"receivers": ["prometheus"], "exporters": ["nop"]}}},
            }
        )
        message = "Failed to scrape Prometheus endpoint"
        if page.startswith(b"a 1"):
            heard(one, message)
        waiting.until(lambda: message in one.log(), "a failure")
        line = next(line for line in one.log().splitlines() if message in line)
        on_the_page(json.loads(line.split("\t")[4])["error"])


def test_no_line_is_quoted_that_nothing_here_provokes():
    here = some_number(Path(__file__).read_text())
    assert len(QUOTED) > 10
    assert [message for _, message, _ in QUOTED if message not in here] == []
