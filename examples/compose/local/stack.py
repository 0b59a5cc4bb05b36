"""Processes that are started together, watched, and stopped in order."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path


class Failure(Exception):
    """What keeps the stack from running, told to the person who started it."""


@dataclass
class Service:
    command: list[str]
    # Answers with 2xx once the service is there.
    ready: str
    env: dict[str, str] = field(default_factory=dict)


def get(url: str):
    """What a URL answers, parsed if it is JSON; None if it does not, or not with a 2xx."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            body = answer.read()
    except OSError:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace") or True


class Stack:
    # Longer than sluice may take to drain: `stop_grace_period` of docker-compose.yaml.
    GRACE_SECONDS = 30

    def __init__(self, services: dict[str, Service], folder: Path):
        self._services, self._folder = services, folder
        self._children: dict[str, subprocess.Popen] = {}

    def start(self, *names: str):
        """Does not wait for them. The folder gets a log of each."""
        for name in names:
            service = self._services[name]
            with (self._folder / f"{name}.log").open("wb") as log:
                # In a session of its own: Ctrl-C does not reach it, and it is stopped in its turn.
                self._children[name] = subprocess.Popen(
                    service.command, env={**os.environ, **service.env}, cwd=self._folder, start_new_session=True,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                )  # fmt: skip

    def wait_ready(self, name: str):
        url = self._services[name].ready
        self.wait(lambda: get(url) is not None, f"{name} answers at {url}", 120)

    def wait(self, condition, what: str, seconds: float = 60):
        """The first true value of `condition`; fails at once if a service ends."""
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            for name, child in self._children.items():
                if (code := child.poll()) is not None:
                    raise Failure(f"{name} has ended with {code}:\n{self.log(name)[-3000:]}")
            if time.monotonic() > deadline:
                raise Failure(f"not within {seconds:g} s: {what}")
            time.sleep(0.1)
        return value

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def stop(self, *names: str) -> dict[str, int]:
        """Ends these of what runs, or all of it, and waits for them. Returns their exit codes."""
        children = {name: self._children.pop(name) for name in names or tuple(self._children) if name in self._children}
        for child in children.values():
            child.terminate()
        for child in children.values():
            try:
                child.wait(self.GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        return {name: child.returncode for name, child in children.items()}
