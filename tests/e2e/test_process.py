"""Process rows: what a signal, a dead backend and a slow machine may not cost."""

from __future__ import annotations

import re
import resource
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from harness import config, ports, raw, signals, waiting, wire
from harness.collector import http_get
from harness.load import Load
from harness.sink import GrpcSink


@pytest.mark.parametrize("trial", range(20))
def test_p1_sigterm_under_load_loses_nothing(collector, grpc_sink, trial):
    """50,000 spans per second; every fourth run as fast as the machine can."""
    pipe = config.Pipe(config.to_grpc(grpc_sink.endpoint, compression="none"), processors={"batch": {}})
    running = collector(pipe.config)
    with Load(pipe.grpc, rate=50_000 if trial % 4 else None) as load:
        # Another moment of the batch's life in each run.
        load.wait_acknowledged(50 + 13 * trial)
        assert running.stop() == 0, running.log()
    delivered = grpc_sink.span_numbers()
    assert len(delivered) == len(set(delivered)), "duplicates"
    assert Load.numbers(load.acknowledged) <= set(delivered), "acknowledged and lost"
    assert not Load.numbers(load.refused) & set(delivered), "refused and delivered"
    assert set(delivered) <= Load.numbers(load.acknowledged | load.unknown)
    assert "lost_items=0" in running.log() or '"lost_items":0' in running.log().replace(" ", ""), running.log()


def test_p1_readiness_ends_at_once_while_the_drain_delay_still_serves(collector, grpc_sink):
    health = ports.free_one()
    pipe = config.Pipe(config.to_grpc(grpc_sink.endpoint))
    pipe.config["extensions"] = {"health_check": {"endpoint": f"127.0.0.1:{health}"}}
    pipe.config["service"]["extensions"] = ["health_check"]
    pipe.config["sluice"] = {"drain_delay": "2s"}
    running = collector(pipe.config)
    assert http_get(f"http://127.0.0.1:{health}/")[0] == 200
    with Load(pipe.grpc, threads=1) as load:
        running.signal(signal.SIGTERM)
        waiting.until(lambda: http_get(f"http://127.0.0.1:{health}/")[0] == 503, "readiness off", 2)
        load.wait_acknowledged(len(load.acknowledged) + 1)
        assert running.wait(25) == 0


def test_p2_sigterm_with_a_dead_backend_ends_by_the_deadline_and_says_what_is_lost(collector):
    dead = f"127.0.0.1:{ports.free_one()}"
    pipe = config.Pipe(config.to_grpc(dead), processors={"batch": {"timeout": "10ms"}})
    pipe.config["sluice"] = {"shutdown_timeout": "2s"}
    running = collector(pipe.config)
    with Load(pipe.grpc, threads=2) as load:
        load.wait_acknowledged(20)
    began = time.monotonic()
    code = running.stop(seconds=10)
    took = time.monotonic() - began
    assert took < 5, f"{took:.1f} s with a deadline of 2 s"
    log = running.log()
    lost = len(load.acknowledged) * 100
    assert re.search(rf"{lost}\b", log.split("Starting shutdown", 1)[1]), (lost, log)
    assert "otlp" in log.rsplit("Shutdown complete", 1)[0].rsplit("\n", 3)[-2], log
    assert code in (0, 1)


def test_p3_a_second_signal_exits_at_once_and_not_with_zero(collector):
    dead = f"127.0.0.1:{ports.free_one()}"
    pipe = config.Pipe(config.to_grpc(dead), processors={"batch": {"timeout": "10ms"}})
    running = collector(pipe.config)
    with Load(pipe.grpc, threads=1) as load:
        load.wait_acknowledged(5)
    running.signal(signal.SIGTERM)
    waiting.until(lambda: "Starting shutdown" in running.log(), "the first signal at work")
    assert running.is_running(), "the first signal must wait for the backend"
    running.signal(signal.SIGTERM)
    assert running.wait(1) != 0


class CpuGroup:
    """A cgroup with a tenth of a CPU, of version 2 or 1."""

    def __init__(self, running):
        self._pid = running.pid
        root = Path("/sys/fs/cgroup")
        name = f"sluice-e2e-{running.pid}"
        if (root / "cgroup.controllers").exists():
            self._group, self._limits = root / name, {"cpu.max": "10000 100000"}
        else:
            self._group = root / "cpu" / name
            self._limits = {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "10000"}

    def __enter__(self):
        self._group.mkdir()
        for file, limit in self._limits.items():
            (self._group / file).write_text(limit)
        (self._group / "cgroup.procs").write_text(str(self._pid))

    def __exit__(self, *_):
        (self._group.parent / "cgroup.procs").write_text(str(self._pid))
        self._group.rmdir()


class DutyCycle:
    """Lets a process run for a tenth of the time, 10 ms of every 100 ms: where nobody may make a cgroup."""

    def __init__(self, running):
        self._running = running
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._cycle)

    def _cycle(self):
        while not self._over.is_set():
            self._running.signal(signal.SIGSTOP)
            time.sleep(0.09)
            self._running.signal(signal.SIGCONT)
            time.sleep(0.01)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


@pytest.mark.parametrize("tenth", [CpuGroup, DutyCycle])
def test_p8_health_answers_on_a_tenth_of_a_cpu(collector, grpc_sink, tenth):
    health = ports.free_one()
    pipe = config.Pipe(config.to_grpc(grpc_sink.endpoint))
    pipe.config["extensions"] = {"health_check": {"endpoint": f"127.0.0.1:{health}"}}
    pipe.config["service"]["extensions"] = ["health_check"]
    running = collector(pipe.config)
    slowed = tenth(running)
    try:
        slowed.__enter__()
    except OSError as error:
        pytest.skip(f"cannot make a cgroup: {error}")
    try:
        with Load(pipe.grpc, threads=4) as load:
            load.wait_acknowledged(20)
            for _ in range(10):
                # The timeout is the assertion.
                assert http_get(f"http://127.0.0.1:{health}/", timeout=1.0)[0] == 200
    finally:
        slowed.__exit__()
    grpc_sink.wait_count(signals.TRACES, len(load.acknowledged) * 100)


def test_p6_without_file_descriptors_accepting_waits_says_so_once_and_recovers(collector, grpc_sink):
    pipe = config.Pipe(config.to_grpc(grpc_sink.endpoint))
    running = collector(pipe.config)

    def send() -> int:
        return raw.http_post(pipe.http_port, "/v1/traces", wire.request(wire.span())).status

    assert send() == 200
    resource.prlimit(running.pid, resource.RLIMIT_NOFILE, (64, 64))
    complaint = "cannot accept connections"
    crowd = [socket.create_connection(("127.0.0.1", pipe.http_port)) for _ in range(200)]
    try:
        waiting.until(lambda: complaint in running.log(), "a full table of descriptors")
        # Long enough for several attempts.
        deadline = time.monotonic() + 2
        waiting.until(lambda: time.monotonic() > deadline, "some attempts")
    finally:
        for connection in crowd:
            connection.close()
    waiting.until(lambda: send() == 200, "connections again", 30)
    assert running.log().count(complaint) == 1, running.log()
    grpc_sink.wait_count(signals.TRACES, 2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_collector_ends_cleanly(collector, grpc_sink, number):
    running = collector(config.Pipe(config.to_grpc(grpc_sink.endpoint)).config)
    running.signal(number)
    assert running.wait(5) == 0, running.log()


def test_a_port_that_is_taken_is_named_with_its_yaml_path(collector, tmp_path):
    from harness.collector import Collector

    with GrpcSink() as sink:
        pipe = config.Pipe(config.to_grpc(sink.endpoint), grpc={"endpoint": sink.endpoint})
        failing = Collector(pipe.config, tmp_path)
        with pytest.raises(AssertionError) as failure:
            failing.start()
    assert "receivers.otlp.protocols.grpc.endpoint" in str(failure.value)
    assert failing.wait(1) == 1
