"""What a newcomer is shown: one checkout, followed into every backend, and where to look."""

from __future__ import annotations

import json
import time
import urllib.parse
from pathlib import Path

from .ports import Ports
from .stack import Stack, get

# By the client that each of them has: see README.md.
DEMO = {"shop", "stock", "warehouse", "payment", "fraud"}
DURATION = "http_server_request_duration_seconds"


def show(stack: Stack, ports: Ports, folder: Path, began: float):
    url = {name: f"http://127.0.0.1:{of['http']}" for name, of in ports.items() if "http" in of}
    url["sluice"] = f"http://127.0.0.1:{ports['sluice']['own_metrics']}"
    # For programs that look at the stack; it is there before anything is said.
    (folder / "urls.json").write_text(json.dumps(url))

    def say(text: str):
        print(f"{time.monotonic() - began:5.1f} s  {text}", flush=True)

    # With the shop come the customers, so it opens last. What takes longest to start is started first.
    others = ("zipkin", "jaeger", "prometheus", "logs", "sluice", "fraud", "payment", "warehouse", "stock")
    for names in (others, ("shop",)):
        stack.start(*names)
        say(f"started {', '.join(names)}")
        for name in names:
            stack.wait_ready(name)
    say(f"all are ready; their logs are in {folder}")

    checkout = stack.wait(lambda: get(f"{url['shop']}/checkout"), "a checkout")
    trace = checkout["trace_id"]
    say(f"order {checkout['order']} is {checkout['result']}, trace {trace}")
    spans = stack.wait(lambda: _in_jaeger(url["jaeger"], trace), f"trace {trace} in Jaeger")
    say(f"Jaeger has its {len(spans)} spans of {len(DEMO)} services:\n" + "\n".join(_tree(spans)))
    count = stack.wait(lambda: _in_zipkin(url["zipkin"], trace), f"trace {trace} in Zipkin")
    say(f"Zipkin has its {count} spans")
    for via in ("remote_write", "pull"):
        query = f'sum by (job) ({DURATION}_count{{via="{via}"}})'
        jobs = stack.wait(lambda query=query: _jobs(url["prometheus"], query), query)
        say(f"Prometheus has metrics of {', '.join(jobs)} by {via.replace('_', ' ')}")
    exemplar = stack.wait(lambda: _exemplar(url["prometheus"]), "an exemplar")
    say(f"an exemplar of the shop's latency names trace {exemplar}")

    # One that was built from its Go module has an API and no pages.
    has_pages = "placeholder" not in str(get(url["jaeger"]))
    in_jaeger = f"{url['jaeger']}/trace/" if has_pages else f"{url['jaeger']}/api/traces/"
    print(f"""
Look at
  the trace in Jaeger      {in_jaeger}{trace}
  the same in Zipkin       {url['zipkin']}/zipkin/traces/{trace}
  latency in Prometheus    {url['prometheus']}/graph?{urllib.parse.urlencode(QUANTILE)}
  from an exemplar         {in_jaeger}{exemplar}
  logs, as OTLP            tail -f {folder}/logs.jsonl
  and at the log backend   tail -f {folder}/logs.log
  sluice's accounts        curl {url['sluice']}/ledger
Do
  another checkout         curl {url['shop']}/checkout
Ctrl-C stops it: the services flush, sluice drains, then the backends go.
""", flush=True)


def stop(stack: Stack):
    """With the data: the services send what they still have, sluice drains, and only then the backends go."""
    print("stopping the services, then sluice, then the backends", flush=True)
    for names in (("shop",), ("stock", "payment"), ("warehouse", "fraud")):
        stack.stop(*names)
    for code in stack.stop("sluice").values():
        print(f"sluice has ended with {code}, its last words:\n{stack.log('sluice').splitlines()[-1]}", flush=True)
    stack.stop()


QUANTILE = {
    "g0.expr": f'histogram_quantile(0.95, sum by (le, job) (rate({DURATION}_bucket{{via="remote_write"}}[1m])))',
    "g0.tab": "0", "g0.range_input": "5m", "g0.show_exemplars": "1",
}  # fmt: skip


def _in_jaeger(jaeger: str, trace: str) -> list[dict] | None:
    """The spans with the names of their services, once those of all services are there."""
    found = get(f"{jaeger}/api/traces/{trace}")
    if not found:
        return None
    (whole,) = found["data"]
    spans = [{**span, "service": whole["processes"][span["processID"]]["serviceName"]} for span in whole["spans"]]
    return spans if {span["service"] for span in spans} == DEMO else None


def _tree(spans: list[dict], parent: str | None = None, depth: int = 1):
    for span in sorted(spans, key=lambda span: span["startTime"]):
        above = next((one["spanID"] for one in span["references"]), None)
        if above == parent:
            yield f"{'':9}{'  ' * depth}{span['service']}: {span['operationName']}  {span['duration'] / 1000:.1f} ms"
            yield from _tree(spans, span["spanID"], depth + 1)


def _in_zipkin(zipkin: str, trace: str) -> int | None:
    spans = get(f"{zipkin}/api/v2/trace/{trace}") or []
    return len(spans) if {span["localEndpoint"]["serviceName"] for span in spans} == DEMO else None


def _jobs(prometheus: str, query: str) -> list[str] | None:
    answer = get(f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}")
    jobs = sorted(one["metric"]["job"] for one in answer["data"]["result"]) if answer else []
    return jobs if len(jobs) == 3 else None


def _exemplar(prometheus: str) -> str | None:
    now = time.time()
    asked = {"query": f'{DURATION}_bucket{{job="demo/shop"}}', "start": now - 600, "end": now}
    answer = get(f"{prometheus}/api/v1/query_exemplars?{urllib.parse.urlencode(asked)}")
    found = [one["labels"]["trace_id"] for series in answer["data"] for one in series["exemplars"]] if answer else []
    return found[-1] if found else None
