"""Real Prometheus servers on loopback, and what they say: by PromQL, and by remote read, bit by bit."""

from __future__ import annotations

import json
import os
import time
import urllib.parse
import urllib.request
from pathlib import Path

from . import idl, ports, waiting
from .collector import http_get
from .remote_write import Sample
from .servers import Server, required


def debian(program: str) -> str:
    """A program of those Debian packages that `.ci/run servers` unpacks."""
    return str(Path(required("SLUICE_DEBIAN")) / "usr" / "bin" / program)


class Prometheus(Server):
    """Debian's: 2.42. It takes remote write 1.0, exemplars and native histograms."""

    name = "prometheus"
    features = "native-histograms,exemplar-storage"
    # Keys of `global`, and keys of jobs that this version does not know.
    settings: dict = {}
    unknown: tuple = ("scrape_native_histograms", "fallback_scrape_protocol", "scrape_protocols")

    def __init__(
        self,
        directory: Path,
        scrape_configs: list[dict] = (),
        more: dict | None = None,
        text: str | None = None,
        port: int | None = None,
    ):
        """`scrape_configs` is what it scrapes itself, every fifth of a second unless a job says otherwise; `more` are
        other parts of its configuration, `text` is all of it but `global`."""
        self.port = port or ports.free_one()
        self.health = f"{self.endpoint}/-/ready"
        defaults = {"scrape_interval": "200ms", "scrape_timeout": "200ms", **self.settings}
        file = directory / f"prometheus-{self.port}.yml"
        scrape_configs = [{key: job[key] for key in job if key not in self.unknown} for job in scrape_configs]
        # JSON is YAML.
        if text is None:
            text = "".join(
                f"{key}: {json.dumps(part)}\n" for key, part in {"scrape_configs": scrape_configs, **(more or {})}.items()
            )
        file.write_text(f"global: {json.dumps(defaults)}\n{text}")
        flags = {
            "config.file": file,
            "web.listen-address": f"127.0.0.1:{self.port}",
            "storage.tsdb.path": directory / f"prometheus-{self.port}",
            "enable-feature": self.features,
            # It looks for its targets at once, not every five seconds.
            "scrape.discovery-reload-interval": "50ms",
        }
        command = [self.program(), "--web.enable-remote-write-receiver", *(f"--{key}={value}" for key, value in flags.items())]
        super().__init__(directory, command, {})

    @classmethod
    def program(cls) -> str:
        return debian("prometheus")

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def endpoint(self) -> str:
        return f"http://{self.address}"

    @property
    def url(self) -> str:
        """Where it takes remote write."""
        return f"{self.endpoint}/api/v1/write"

    # What it says.

    def ask(self, path: str, **parameters):
        status, body = http_get(f"{self.endpoint}/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        assert status == 200, body
        return json.loads(body)["data"]

    def query(self, promql: str, at: float | None = None) -> list[dict]:
        """The instant vector: `[{metric, value}]`."""
        at = {} if at is None else {"time": f"{at:.3f}"}
        data = self.ask("query", query=promql, **at)
        assert data["resultType"] in ("vector", "matrix"), data
        return data["result"]

    def value(self, promql: str, at: float | None = None) -> float | None:
        """The value of the only series of the answer; None if there is none."""
        found = self.query(promql, at)
        assert len(found) <= 1, f"{promql}: {found}"
        return float(found[0]["value"][1]) if found else None

    def wait_value(self, promql: str, wanted, seconds: float = 20.0) -> float:
        """The value once it is `wanted`: a number, or a test of one."""
        good = wanted if callable(wanted) else lambda value: value == wanted
        last = None

        def ready():
            nonlocal last
            last = self.value(promql)
            return last is not None and good(last)

        try:
            waiting.until(ready, promql, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}: the last value is {last}\n{self.log()[-2000:]}") from None
        return last

    def series(self, selector: str) -> list[dict]:
        return self.ask("series", **{"match[]": selector})

    def exemplars(self, promql: str) -> list[dict]:
        now = time.time()
        return self.ask("query_exemplars", query=promql, start=now - 3600, end=now + 60)

    def metadata(self, metric: str) -> dict | None:
        """Of a family, as it knows it from scraping."""
        found = self.ask("metadata", metric=metric).get(metric)
        return found[0] if found else None

    def read(self, **labels: str) -> dict[tuple, list]:
        """Every sample of the last hour by its series' sorted labels, stale markers among them: `Sample`s, or
        histograms as the wire has them. A label's value starting with `~` is a regular expression."""
        request = idl.ReadRequest()
        query = request.queries.add()
        now = int(time.time() * 1000)
        query.start_timestamp_ms, query.end_timestamp_ms = now - 3_600_000, now + 600_000
        for name, value in labels.items():
            query.matchers.add(name=name, value=value.removeprefix("~"), type=2 if value.startswith("~") else 0)
        headers = {
            "content-type": "application/x-protobuf",
            "content-encoding": "snappy",
            "x-prometheus-remote-read-version": "0.1.0",
        }
        post = urllib.request.Request(f"{self.endpoint}/api/v1/read", idl.pack(request), headers)
        with urllib.request.urlopen(post, timeout=10) as answer:
            response = idl.ReadResponse.FromString(idl.unpack(answer.read()))
        return {
            tuple(sorted((each.name, each.value) for each in series.labels)): (
                [Sample(each.timestamp, each.value) for each in series.samples] + list(series.histograms)
            )
            for series in response.results[0].timeseries
        }


class Prometheus3(Prometheus):
    """3.x: remote write 2.0 and names in UTF-8 as well."""

    name = "prometheus3"
    features = "exemplar-storage,metadata-wal-records"
    settings = {"scrape_native_histograms": True}
    unknown = ()

    @classmethod
    def program(cls) -> str:
        return required("SLUICE_PROMETHEUS3")


EITHER = {"2.42": Prometheus, "3": Prometheus3}


def environment() -> dict[str, str]:
    """For programs of Debian that need libraries beside them."""
    folders = (Path(required("SLUICE_DEBIAN")) / "usr" / "lib").glob("*-linux-gnu")
    return {"LD_LIBRARY_PATH": os.pathsep.join(map(str, folders))}
