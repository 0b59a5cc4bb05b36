"""What the README shows works as it is shown."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness import ports, waiting
from harness.collector import Collector, binary

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "examples").glob("*.yaml"))
DEFAULT = ROOT / "collector" / "src" / "cli" / "default.yaml"


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.name)
def test_every_example_validates(file):
    done = subprocess.run([binary(), "validate", "--config", str(file)], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr


def test_there_are_examples():
    assert {file.stem for file in CONFIGS} >= {
        "otlp-gateway", "sidecar", "debug", "jaeger-agent-replacement", "prometheus-agent-replacement",
        "prometheus-exporter", "prometheus-scrape",
    }  # fmt: skip


class WithoutConfig(Collector):
    """The embedded configuration, on other ports than a collector of this machine's user may have."""

    def __init__(self, tmp_path: Path):
        self.grpc_port, self.http_port, health = ports.free(3)
        super().__init__(DEFAULT, tmp_path)
        self._args = (
            *self._args,
            f"--set=receivers.otlp.protocols.grpc.endpoint=127.0.0.1:{self.grpc_port}",
            f"--set=receivers.otlp.protocols.http.endpoint=127.0.0.1:{self.http_port}",
            f"--set=extensions.health_check.endpoint=127.0.0.1:{health}",
        )


@pytest.fixture
def without_config(run, tmp_path):
    return run(WithoutConfig(tmp_path))


def run_example(command: list[str], endpoint: str, cwd: Path, **more: str):
    env = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **more}
    subprocess.run(command, check=True, timeout=60, cwd=cwd, env=env)


def test_the_python_example_is_printed(without_config):
    folder = ROOT / "examples" / "python"
    run_example([sys.executable, "send_trace.py"], f"http://127.0.0.1:{without_config.grpc_port}", folder)
    waiting.until(lambda: "checkout" in without_config.log(), "the trace in the output")
    assert "charge card" in without_config.log()


def test_the_python_example_is_what_the_readme_shows():
    readme = (ROOT / "README.md").read_text()
    shown = re.search(r"```python\n(.*?)```", readme, re.DOTALL)[1]
    program = (ROOT / "examples" / "python" / "send_trace.py").read_text()
    for line in filter(None, shown.splitlines()):
        assert line in program, line


def test_the_node_example_is_printed(without_config):
    # The suite's own installation has the packages that the example names, in the same versions.
    here = Path(__file__).parent / "node"
    wanted = json.loads((ROOT / "examples" / "node" / "package.json").read_text())["dependencies"]
    installed = json.loads((here / "package.json").read_text())["dependencies"]
    assert wanted.items() <= installed.items()
    program = ROOT / "examples" / "node" / "send-trace.cjs"
    endpoint = f"http://127.0.0.1:{without_config.http_port}"
    run_example(["node", str(program)], endpoint, here, NODE_PATH=str(here / "node_modules"))
    waiting.until(lambda: "checkout" in without_config.log(), "the trace in the output")
