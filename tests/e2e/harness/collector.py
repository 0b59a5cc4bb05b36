"""The binary under test: started from settings, watched from outside, stopped by signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import ClassVar

from . import ledger, ports, waiting

READY = "Everything is ready"
UNEVEN = "The accounts do not balance"


def binary() -> str:
    path = os.environ.get("SLUICE_BIN")
    assert path and Path(path).is_file(), "set SLUICE_BIN to the binary under test"
    return path


class Collector:
    # All that were started, until they are killed.
    started: ClassVar[list[Collector]] = []

    def __init__(
        self, config: dict | Path, directory: Path, env: dict | None = None, args: tuple = (), within: tuple = ()
    ):
        """`config`: settings, or a file with them. `within`: a command that becomes the one after it."""
        self.metrics_port = ports.free_one()
        reader = {"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": self.metrics_port}}}}
        metrics = {"level": "detailed", "readers": [reader]}
        if isinstance(config, Path):
            self._file = config
            # JSON is YAML.
            args = (*args, f"--set=service.telemetry.metrics={json.dumps(metrics)}")
        else:
            config["service"].setdefault("telemetry", {})["metrics"] = metrics
            self._file = directory / f"config-{self.metrics_port}.yaml"
            self._file.write_text(json.dumps(config, indent=1))
        self._log = directory / f"log-{self.metrics_port}.txt"
        self._env = {**os.environ, **(env or {})}
        self._args = args
        self._within = within
        self._child: subprocess.Popen | None = None

    def start(self) -> Collector:
        command = [*self._within, binary(), "--config", str(self._file), *self._args]
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(command, env=self._env, stdout=log, stderr=subprocess.STDOUT)
        waiting.until(lambda: READY in self.log() or self._child.poll() is not None, "readiness", 30)
        assert self._child.poll() is None, self.log()
        self.started.append(self)
        return self

    @property
    def pid(self) -> int:
        return self._child.pid

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def is_running(self) -> bool:
        return self._child.poll() is None

    # What it says of itself.

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
            return answer.read().decode()

    def ledger(self) -> dict:
        return ledger.parse(self.metrics())

    def settled_ledger(self, seconds: float = 15.0) -> dict:
        """The ledger once nothing is held any more; every branch of it is even."""

        def settled():
            branches = self.ledger()
            return branches if branches and not any(branch.held for branch in branches.values()) else None

        branches = waiting.until(settled, "an empty collector", seconds)
        for name, branch in branches.items():
            branch.assert_even(name)
        return branches

    def assert_balanced(self):
        """Nothing is lost unbooked: asked after every test, of collectors that run and of those that have ended."""
        if self.is_running():
            # While something moves, the terms are read one after the other.
            even = lambda: all(branch.unbooked == 0 for branch in self.ledger().values())  # noqa: E731
            waiting.until(even, lambda: f"even accounts: {self.ledger()}")
        assert UNEVEN not in self.log(), self.log()

    # What the kernel says of it.

    def memory(self, name: str) -> int:
        """Resident bytes: `VmRSS` now, `VmHWM` at its highest since `forget_peak`."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"no {name}")

    def forget_peak(self):
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    # How it ends.

    def signal(self, number: int):
        self._child.send_signal(number)

    def wait(self, seconds: float) -> int:
        return self._child.wait(seconds)

    def stop(self, seconds: float = 25.0) -> int:
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        if self in self.started:
            self.started.remove(self)
        if self._child and self._child.poll() is None:
            self._child.kill()
            self._child.wait()


def http_get(url: str, timeout: float = 5.0) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
