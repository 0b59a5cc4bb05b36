"""What scrapes and writes remotely: sluice, and Prometheus itself, so that a test of the protocol is itself tested."""

from __future__ import annotations

import json
from pathlib import Path

from . import ports
from .collector import Collector
from .prometheus import Prometheus, Prometheus3

MESSAGES = {1: "prometheus.WriteRequest", 2: "io.prometheus.write.v2.Request"}
# Both send every name as it was exposed.
STRATEGIES = {1: "UnderscoreEscapingWithoutSuffixes", 2: "NoTranslation"}
# Nothing is said of resources and scopes, which a scraped page does not have.
PLAIN = {"target_info": {"enabled": False}, "disable_scope_info": True}
RETRY = {"initial_interval": "50ms", "max_interval": "500ms"}


def jobs(interval: str = "200ms", **targets) -> list[dict]:
    """Scrape configurations: a target for each job. A tuple has more keys of the job."""
    out = []
    for name, target in targets.items():
        target, more = target if isinstance(target, tuple) else (target, {})
        out.append(
            {
                "job_name": name,
                "scrape_interval": interval,
                "scrape_timeout": interval,
                "static_configs": [{"targets": [target.address]}],
                **more,
            }
        )
    return out


def sluice(directory: Path, version: int, scrape_configs: list[dict], urls: list[str], **exporter) -> Collector:
    """One exporter for each URL: they do not wait for each other."""
    settings = {
        "protobuf_message": MESSAGES[version],
        "translation_strategy": STRATEGIES[version],
        "send_metadata": True,
        **PLAIN,
        "retry_on_failure": RETRY,
        **exporter,
    }
    exporters = {f"prometheus_remote_write/{number}": {"endpoint": url, **settings} for number, url in enumerate(urls)}
    pipeline = {"receivers": ["prometheus"], "exporters": list(exporters)}
    # A `$` of Prometheus's is written twice in a collector's configuration.
    scrape_configs = json.loads(json.dumps(scrape_configs).replace("$", "$$"))
    config = {
        "receivers": {"prometheus": {"config": {"scrape_configs": scrape_configs}}},
        "exporters": exporters,
        "service": {"pipelines": {"metrics": pipeline}},
    }
    return Collector(config, directory).start()


def prometheus(directory: Path, version: int, scrape_configs: list[dict], urls: list[str], **more) -> Prometheus:
    kind = Prometheus if version == 1 else Prometheus3
    write = {
        "queue_config": {"batch_send_deadline": "100ms", "min_backoff": "50ms", "max_backoff": "500ms", "max_shards": 1},
        "send_exemplars": True,
        "send_native_histograms": True,
        "metadata_config": {"send_interval": "500ms"},
        **more,
    }
    if version == 2:
        write["protobuf_message"] = MESSAGES[2]
    return kind(directory, scrape_configs, {"remote_write": [{"url": url, **write} for url in urls]})


class Relay:
    """Prometheus, which writes to sluice, which writes on."""

    def __init__(self, directory: Path, version: int, scrape_configs: list[dict], urls: list[str]):
        port = ports.free_one()
        settings = {"protobuf_message": MESSAGES[version], "translation_strategy": STRATEGIES[version], **PLAIN}
        exporters = {f"prometheus_remote_write/{number}": {"endpoint": url, **settings} for number, url in enumerate(urls)}
        pipeline = {"receivers": ["prometheus_remote_write"], "exporters": list(exporters)}
        config = {
            "receivers": {"prometheus_remote_write": {"endpoint": f"127.0.0.1:{port}"}},
            "exporters": exporters,
            "service": {"pipelines": {"metrics": pipeline}},
        }
        self.sluice = Collector(config, directory).start()
        self.prometheus = prometheus(directory, version, scrape_configs, [f"http://127.0.0.1:{port}/api/v1/write"])

    def log(self) -> str:
        return self.prometheus.log() + self.sluice.log()

    def kill(self):
        self.prometheus.kill()
        self.sluice.kill()


BY_NAME = {"sluice": sluice, "prometheus": prometheus}
