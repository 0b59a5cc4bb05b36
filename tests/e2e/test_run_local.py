"""What run-local of examples/compose says when it cannot run, and that it leaves nothing behind."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from harness.collector import binary

FOLDER = Path(__file__).parents[2] / "examples" / "compose"


def run_local(*arguments: str, **env: str) -> str:
    """What it says on standard error when it gives up."""
    done = subprocess.run(
        [sys.executable, FOLDER / "run-local", *arguments],
        env={**os.environ, "SLUICE_BIN": binary(), **env}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1, done
    return done.stderr


def test_what_is_not_installed_is_named_with_the_command_that_installs_it(tmp_path):
    said = run_local("--free-ports", SLUICE_CI_CACHE=str(tmp_path), PATH=str(tmp_path), SLUICE_JAEGER="/nowhere/jaeger")
    assert "SLUICE_JAEGER" in said and "`.ci/run demo`" in said


def test_a_port_that_is_taken_is_named():
    with socket.socket() as one:
        # If another has it, it is taken as well.
        with suppress(OSError):
            one.bind(("127.0.0.1", 4317))
            one.listen()
        assert "port 4317 (sluice, otlp_grpc) is taken" in run_local()


@pytest.fixture
def stack(tmp_path):
    sys.path.insert(0, str(FOLDER))
    try:
        from local import stack
    finally:
        sys.path.remove(str(FOLDER))
    lasting = stack.Service(["sleep", "600"], "http://127.0.0.1:1")
    ending = stack.Service(["sh", "-c", "echo it is broken; exit 3"], "http://127.0.0.1:1")
    running = stack.Stack({"lasting": lasting, "ending": ending}, tmp_path)
    yield running
    running.stop()


def test_the_end_of_a_service_is_told_with_its_log_and_the_others_are_stopped(stack):
    stack.start("lasting", "ending")
    with pytest.raises(Exception, match="ending has ended with 3:\nit is broken"):
        stack.wait_ready("lasting")
    assert stack.stop("lasting") == {"lasting": -15}
    assert stack.stop() == {"ending": 3}
