"""What a person may rely on who runs the image: nothing in it but the program and the roots, and it works like that."""

from __future__ import annotations

import json
import secrets
import socket
import time
import urllib.request

import pytest
from container import until
from sink import Sink, authority

ROOTS = "etc/ssl/certs/ca-certificates.crt"
# No extension, and no metrics of its own.
BARE = """
receivers: {otlp: {protocols: {http: {endpoint: 'localhost:4318'}}}}
exporters: {debug: {}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}
"""


def pipe(endpoint: str, more: str = "") -> str:
    """OTLP over HTTP in and out."""
    return (
        BARE.replace("{debug: {}}", f"{{otlphttp: {{endpoint: '{endpoint}', encoding: json, compression: none}}}}")
        .replace("[debug]", "[otlphttp]")
        .replace("telemetry: {", "telemetry: {logs: {level: debug}, ")
        + more
    )


def send() -> str:
    """Sends a span, and gives its trace id."""
    trace = secrets.token_hex(16)
    now = time.time_ns()
    span = {"traceId": trace, "spanId": secrets.token_hex(8), "name": "GET /", "kind": 2}
    span |= {"startTimeUnixNano": str(now), "endTimeUnixNano": str(now + 1000)}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request("http://127.0.0.1:4318/v1/traces", body, headers)
    assert urllib.request.urlopen(request, timeout=30).status == 200
    return trace


def test_the_image_holds_the_program_and_the_roots_and_nothing_else(each):
    assert each.files() == {"usr/bin/sluice", ROOTS}
    assert (each.root / ROOTS).read_bytes().count(b"BEGIN CERTIFICATE") > 50


def test_the_image_says_how_it_is_run(each):
    config = each.config
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/usr/bin/sluice"]
    assert not config.get("Cmd")
    assert config["Healthcheck"]["Test"] == ["CMD", "/usr/bin/sluice", "healthcheck"]
    assert {"4317/tcp", "4318/tcp", "6831/udp", "9411/tcp", "13133/tcp"} <= set(config["ExposedPorts"])


def test_without_a_configuration_it_listens_on_every_address_and_is_healthy(run, each):
    running = run(each).ready()
    assert running.healthcheck() == 0
    send()
    # Not only loopback: the address of no network in particular.
    with socket.create_connection(("127.0.0.2", 4317), timeout=30):
        pass
    running.kill("TERM")
    assert running.wait() == 0


def test_a_container_that_nobody_can_send_to_says_so(run, full):
    running = run(full, mounts={"/etc/sluice/config.yaml": BARE, "/.dockerenv": ""}).ready()
    assert "nobody outside of this container can send" in running.log()


@pytest.mark.parametrize(
    "place", ["/etc/sluice/config.yaml", "/etc/otelcol-contrib/config.yaml", "/etc/otelcol/config.yaml"]
)
def test_a_configuration_is_found_where_users_of_otelcols_images_mount_it(run, full, place):
    running = run(full, mounts={place: BARE}).ready()
    assert f'"configuration": "{place}"' in running.log()


def test_arguments_are_those_of_the_program(run, full):
    running = run(full, "--config=/etc/my.yaml", mounts={"/etc/my.yaml": BARE}).ready()
    assert '"configuration": "/etc/my.yaml"' in running.log()


def test_healthcheck_works_without_any_extension_and_follows_the_drain(run, full):
    running = run(full, "--config=/etc/my.yaml", "--drain-delay=10m", mounts={"/etc/my.yaml": BARE}).ready()
    assert running.healthcheck() == 0
    running.kill("TERM")
    running.wait_for("serving on while load balancers look away")
    assert running.healthcheck() == 1


def test_healthcheck_asks_only_its_own_container(run, full):
    """Containers of a pod share the network, and so the names of abstract sockets."""
    well = run(full, mounts={"/etc/sluice/config.yaml": BARE}).ready()
    other = BARE.replace("4318", "14318")
    ends = run(full, "--drain-delay=10m", mounts={"/etc/sluice/config.yaml": other}).ready()
    ends.kill("TERM")
    ends.wait_for("serving on while load balancers look away")
    assert (well.healthcheck(), ends.healthcheck()) == (0, 1)


def test_names_are_found_in_the_search_domains_of_a_pod(run, each, name_server):
    name_server.names["sink.shop.svc.cluster.local"] = ["127.0.0.1"]
    resolv = "search shop.svc.cluster.local svc.cluster.local\nnameserver 127.0.0.1\noptions ndots:5\n"
    with Sink() as sink:
        mounts = {"/etc/sluice/config.yaml": pipe(f"http://sink:{sink.port}"), "/etc/resolv.conf": resolv}
        run(each, mounts=mounts).ready()
        trace = send()
        until(lambda: sink.has(trace), "the trace")
    assert "sink.shop.svc.cluster.local" in name_server.asked


def test_names_are_found_in_the_hosts_file(run, each, name_server):
    with Sink() as sink:
        mounts = {
            "/etc/sluice/config.yaml": pipe(f"http://my-sink:{sink.port}"),
            "/etc/hosts": "127.0.0.1 my-sink\n",
            "/etc/resolv.conf": "nameserver 127.0.0.1\n",
        }
        run(each, mounts=mounts).ready()
        trace = send()
        until(lambda: sink.has(trace), "the trace")
    assert name_server.asked == []


def test_localhost_needs_no_file(run, each):
    with Sink() as sink:
        run(each, mounts={"/etc/sluice/config.yaml": pipe(f"http://localhost:{sink.port}")}).ready()
        trace = send()
        until(lambda: sink.has(trace), "the trace")


def test_a_trace_flows_over_tls_to_a_server_that_a_root_of_the_system_vouches_for(run, each, tmp_path):
    root, certificate, key = authority(tmp_path, "sink.example")
    with Sink(certificate, key) as sink:
        mounts = {
            "/etc/sluice/config.yaml": pipe(f"https://sink.example:{sink.port}"),
            "/etc/hosts": "127.0.0.1 sink.example\n",
            f"/{ROOTS}": (each.root / ROOTS).read_text() + root.read_text(),
        }
        run(each, mounts=mounts).ready()
        trace = send()
        until(lambda: sink.has(trace), "the trace")


def test_without_that_root_the_server_is_not_trusted(run, full, tmp_path):
    _, certificate, key = authority(tmp_path, "sink.example")
    with Sink(certificate, key) as sink:
        mounts = {
            "/etc/sluice/config.yaml": pipe(f"https://sink.example:{sink.port}"),
            "/etc/hosts": "127.0.0.1 sink.example\n",
        }
        running = run(full, mounts=mounts).ready()
        send()
        running.wait_for("UnknownIssuer")
        assert not sink.bodies


def test_the_flavours_differ_in_their_components(run, each):
    listed = run(each, "components")
    assert listed.wait() == 0
    assert "name: otlp" in listed.log()
    assert ("name: prometheus" in listed.log()) == (each.flavour == "full")
