"""The services of docker-compose.yaml as processes of this machine. What differs is where they find one another."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .ports import Ports
from .stack import Failure, Service

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parents[1]
CACHE = Path(os.environ.get("SLUICE_CI_CACHE", Path.home() / ".cache" / "sluice-ci"))
SMALL_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


def services(ports: Ports, folder: Path) -> dict[str, Service]:
    at = {name: f"127.0.0.1:{of['http']}" for name, of in ports.items() if "http" in of}
    return {
        **_backends(ports, at, folder),
        "sluice": _sluice(ports, at, folder),
        **_demo(ports["sluice"], at),
    }


def _backends(ports: Ports, at: dict[str, str], folder: Path) -> dict[str, Service]:
    otlp = f"127.0.0.1:{ports['jaeger']['otlp']}"
    hosts = {"collector.otlp.grpc.host-port": otlp, "query.http-server.host-port": at["jaeger"]}
    # Ports that nothing here uses.
    for unused in (
        "admin.http.host-port", "collector.grpc-server.host-port", "collector.http-server.host-port",
        "collector.otlp.http.host-port", "query.grpc-server.host-port", "http-server.host-port",
        "processor.jaeger-compact.server-host-port", "processor.jaeger-binary.server-host-port",
        "processor.zipkin-compact.server-host-port",
    ):  # fmt: skip
        hosts[unused] = "127.0.0.1:0"
    jaeger = Service(
        [_program("SLUICE_JAEGER", "jaeger-all-in-one"), *(f"--{flag}={host}" for flag, host in hosts.items())],
        f"http://{at['jaeger']}/api/services",
        # It would also trace itself.
        {"SPAN_STORAGE_TYPE": "memory", "OTEL_TRACES_SAMPLER": "always_off", "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{otlp}"},
    )
    zipkin = Service(
        [_program("JAVA", "java"), "-Xmx192m", *SMALL_JVM, "-jar", _program("SLUICE_ZIPKIN")],
        f"http://{at['zipkin']}/health",
        {"STORAGE_TYPE": "mem", "ARMERIA_PORTS_0_IP": "127.0.0.1", "ARMERIA_PORTS_0_PORT": str(ports["zipkin"]["http"])},
    )
    # Prometheus expands no variables in its configuration.
    config = folder / "prometheus.yaml"
    config.write_text((HERE / "prometheus.yaml").read_text().replace("sluice:8889", f"127.0.0.1:{ports['sluice']['pull']}"))
    program = _program("SLUICE_PROMETHEUS", "prometheus")
    flags = [
        f"--config.file={config}", f"--storage.tsdb.path={folder / 'prometheus'}", f"--web.listen-address={at['prometheus']}",
        "--web.enable-remote-write-receiver", "--enable-feature=exemplar-storage",
    ]  # fmt: skip
    # Debian's has its pages beside it, and where it was unpacked it does not find them by itself.
    pages = Path(program).parents[1] / "share/prometheus/web"
    if pages.is_dir():
        flags.append(f"--web.local-assets={pages}")
    prometheus = Service([program, *flags], f"http://{at['prometheus']}/-/ready")
    logs = Service(
        [_sluice_program(), "--config", str(HERE / "logs.yaml")],
        f"http://127.0.0.1:{ports['logs']['health']}",
        {
            "SLUICE_HOST": "127.0.0.1", "SLUICE_SHUTDOWN_TIMEOUT": "20s",
            "OTLP_GRPC_PORT": str(ports["logs"]["otlp"]), "HEALTH_PORT": str(ports["logs"]["health"]),
        },
    )  # fmt: skip
    return {"zipkin": zipkin, "jaeger": jaeger, "prometheus": prometheus, "logs": logs}


def _sluice(ports: Ports, at: dict[str, str], folder: Path) -> Service:
    env = {f"{use.upper()}_PORT": str(port) for use, port in ports["sluice"].items()}
    env |= {name.upper(): at[name] for name in ("shop", "warehouse", "fraud", "zipkin", "prometheus")}
    env["JAEGER"] = f"127.0.0.1:{ports['jaeger']['otlp']}"
    # A backend for logs of your own may take the place of the one that is started here.
    env["LOGS"] = os.environ.get("LOGS", f"127.0.0.1:{ports['logs']['otlp']}")
    env["LOG_FILE"] = str(folder / "logs.jsonl")
    env |= {"SLUICE_HOST": "127.0.0.1", "SLUICE_SHUTDOWN_TIMEOUT": "20s"}
    command = [_sluice_program(), "--config", str(HERE / "sluice.yaml")]
    return Service(command, f"http://127.0.0.1:{ports['sluice']['health']}", env)


def _demo(sluice: dict[str, int], at: dict[str, str]) -> dict[str, Service]:
    def opentelemetry(name: str, port: str, **more: str) -> dict[str, str]:
        return {
            "OTEL_SERVICE_NAME": name,
            "OTEL_RESOURCE_ATTRIBUTES": f"service.namespace=demo,service.instance.id={name}-1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sluice[port]}",
            # Milliseconds; shorter than the SDKs' own, to see something soon.
            "OTEL_METRIC_EXPORT_INTERVAL": "2000",
            "OTEL_BSP_SCHEDULE_DELAY": "1000",
            **more,
        }

    def python(script: str) -> list[str]:
        return [_program("SLUICE_DEMO_PYTHON"), str(HERE / "services/python" / script)]

    def java(main: str) -> list[str]:
        classes = _program("SLUICE_DEMO_JAVA")
        return [_program("JAVA", "java"), "-Xmx48m", *SMALL_JVM, "-cp", f"{classes}:{classes}/*", main]

    if not (HERE / "services/node/node_modules").is_dir():
        raise Failure("the packages of the service in Node.js are not installed: run `.ci/run demo` once")
    node = [_program("NODE", "node"), str(HERE / "services/node/stock.cjs")]

    demo = {
        "fraud": (java("Fraud"), {"ZIPKIN_ENDPOINT": f"http://127.0.0.1:{sluice['zipkin']}/api/v2/spans"}),
        "payment": (
            java("Payment"),
            opentelemetry(
                "payment", "otlp_grpc",
                OTEL_EXPORTER_OTLP_PROTOCOL="grpc", OTEL_PROPAGATORS="tracecontext,b3", FRAUD=at["fraud"],
            ),
        ),
        "warehouse": (
            python("warehouse.py"),
            {
                "JAEGER_AGENT_HOST": "127.0.0.1", "JAEGER_AGENT_PORT": str(sluice["jaeger_agent"]),
                "JAEGER_SAMPLER_TYPE": "const", "JAEGER_SAMPLER_PARAM": "1",
            },
        ),
        "stock": (
            node,
            opentelemetry(
                "stock", "otlp_http",
                OTEL_METRICS_EXPORTER="otlp", OTEL_LOGS_EXPORTER="otlp", OTEL_NODE_RESOURCE_DETECTORS="env",
                OTEL_PROPAGATORS="tracecontext,jaeger", WAREHOUSE=at["warehouse"],
            ),
        ),
        "shop": (
            python("shop.py"),
            opentelemetry("shop", "otlp_grpc", SHOP=at["shop"], STOCK=at["stock"], PAYMENT=at["payment"]),
        ),
    }  # fmt: skip
    return {
        name: Service(command, f"http://{at[name]}/health", {"LISTEN": at[name], **env})
        for name, (command, env) in demo.items()
    }


def _program(variable: str, otherwise: str = "") -> str:
    """What the environment names, or `.ci/run demo` has installed, or what is on the path, in this order."""
    written = CACHE / "demo.env"
    installed = dict(line.split("=", 1) for line in written.read_text().splitlines()) if written.exists() else {}
    for candidate in (os.environ.get(variable), installed.get(variable), shutil.which(otherwise)):
        if candidate and Path(candidate).exists():
            return candidate
    raise Failure(f"{variable} names nothing that exists, and nothing is installed for it: run `.ci/run demo` once")


def _sluice_program() -> str:
    built = (str(ROOT / "target" / profile / "sluice") for profile in ("release", "debug"))
    for candidate in (os.environ.get("SLUICE_BIN"), *built, shutil.which("sluice")):
        if candidate and Path(candidate).exists():
            return candidate
    raise Failure("there is no sluice yet: run `cargo build --release`, or set SLUICE_BIN")
