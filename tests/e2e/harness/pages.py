"""Pages that a target exposes: every kind of metric, value, label and name, in each format."""

from __future__ import annotations

import time

from . import idl

LONG = "x" * 10_240
PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
# Values as the text has them.
VALUES = {
    "float": "123.456",
    "whole": "42",
    "zero": "0",
    "negative": "-1.5",
    "plus_inf": "+Inf",
    "minus_inf": "-Inf",
    "nan": "NaN",
    "huge": "1.7976931348623157e+308",
    "tiny": "5e-324",
    "scientific": "1.23e5",
    "precise": "0.30000000000000004",
}
LABELS = {
    "unicode": "grüße, 世界 🚰",
    "escaped": 'a "quoted" back\\slash\nand a line',
    "special": "<>&'{}=,;#/ \t",
    "long": LONG,
}
# Created a while ago, in seconds.
CREATED = 1_700_000_000.5
TRACE, SPAN = "0123456789abcdef0123456789abcdef", "fedcba9876543210"


def escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def open_metrics(exemplars_at: float = CREATED) -> str:
    """Every type of OpenMetrics."""
    exemplar = f'# {{trace_id="{TRACE}",span_id="{SPAN}",user="ü"}}'
    return f"""# TYPE requests counter
# HELP requests Requests, with "quotes" and a back\\\\slash.
requests_total{{code="200"}} 100 {exemplar} 7.5 {exemplars_at}
requests_created{{code="200"}} {CREATED}
requests_total{{code="500"}} 3
requests_created{{code="500"}} {CREATED}
# TYPE latency_seconds histogram
# UNIT latency_seconds seconds
# HELP latency_seconds How long it takes.
latency_seconds_bucket{{le="0.1"}} 10 {exemplar} 0.05 {exemplars_at}
latency_seconds_bucket{{le="1.0"}} 15
latency_seconds_bucket{{le="+Inf"}} 17 {exemplar} 3.0
latency_seconds_sum 21.5
latency_seconds_count 17
# TYPE temperature_celsius gauge
# UNIT temperature_celsius celsius
temperature_celsius -3.25
# TYPE size_bytes summary
# UNIT size_bytes bytes
size_bytes{{quantile="0.5"}} 100
size_bytes{{quantile="0.99"}} 900
size_bytes_sum 12345.5
size_bytes_count 67
# TYPE build info
build_info{{version="1.2.3"}} 1
# TYPE mood stateset
mood{{mood="good"}} 1
mood{{mood="bad"}} 0
# TYPE something unknown
something 5
# EOF
"""


def text() -> str:
    """Values, labels, names and timestamps, in Prometheus's text."""
    now = int(time.time() * 1000)
    lines = ["# TYPE value gauge", *(f'value{{kind="{kind}"}} {value}' for kind, value in VALUES.items())]
    lines += ["# TYPE labels gauge", *(f'labels{{kind="{kind}",value="{escaped(value)}"}} 1' for kind, value in LABELS.items())]
    lines += [
        "# TYPE order gauge",
        'order{zebra="1",apple="2",Middle="3",_under="4",le="0.5",quantile="x"} 1',
        "# TYPE many gauge",
        "many{" + ",".join(f'label_{number:02}="{number}"' for number in range(50)) + "} 1",
        "# TYPE empty gauge",
        'empty{kept="yes",gone=""} 1',
        "# TYPE job:rule:sum gauge",
        "job:rule:sum 7",
        f"# TYPE {'n' * 500} gauge",
        f"{'n' * 500} 1",
        # Prometheus sends nothing that is older than it.
        f"stamped {now % 1000} {now + 5000}",
        f"later 1 {now + 60_000}",
        "untyped_one 1",
    ]
    return "\n".join(lines) + "\n"


def native(times: int = 1) -> tuple[bytes, str]:
    """A native histogram, which only protobuf carries: everything was observed so many times."""
    whole = idl.MetricFamily(name="native_seconds", help="A native histogram.", type=4)
    metric = whole.metric.add()
    metric.label.add(name="route", value="/a")
    histogram = metric.histogram
    histogram.sample_count, histogram.sample_sum = 21 * times, 33.25 * times
    histogram.schema, histogram.zero_threshold, histogram.zero_count = 3, 1e-128, 2 * times
    # Indexes -1, 0, 3, 4 with 4, 5, 3, 2 observations; and one negative bucket with 5.
    histogram.positive_span.add(offset=-1, length=2)
    histogram.positive_span.add(offset=2, length=2)
    histogram.positive_delta.extend(delta * times for delta in (4, 1, -2, -1))
    histogram.negative_span.add(offset=2, length=1)
    histogram.negative_delta.append(5 * times)
    return delimited(whole), PROTOBUF


def delimited(*families) -> bytes:
    out = bytearray()
    for family in families:
        body = family.SerializeToString()
        length = len(body)
        while length >= 0x80:
            out.append(length & 0x7F | 0x80)
            length >>= 7
        out.append(length)
        out += body
    return bytes(out)
