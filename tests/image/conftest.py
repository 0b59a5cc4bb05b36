"""The images that `.ci/run image` has built, and the names that containers may ask for."""

from __future__ import annotations

import pytest
from container import Container, Image
from names import NameServer


@pytest.fixture(scope="session", params=["full", "sidecar"])
def each(request) -> Image:
    return Image(request.param)


@pytest.fixture(scope="session")
def full() -> Image:
    return Image("full")


@pytest.fixture
def run(tmp_path):
    """Starts a container; if it still runs at the end it is killed."""
    started = []

    def run(image: Image, *arguments, **options) -> Container:
        started.append(Container(image, tmp_path, arguments, **options))
        return started[-1]

    yield run
    for one in started:
        one.close()


@pytest.fixture
def name_server():
    with NameServer() as server:
        yield server
