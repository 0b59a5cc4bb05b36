"""docker-compose.yaml of examples/compose, without a daemon: it is what Compose takes, and the stack that run-local starts."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness.collector import binary
from harness.servers import required

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "compose"
DEMO = {"shop", "stock", "warehouse", "payment", "fraud"}
GRAFANA = FOLDER / "grafana"


@pytest.fixture(scope="module")
def local():
    """The modules of run-local."""
    sys.path.insert(0, str(FOLDER))
    try:
        from local import ports, stack, topology
    finally:
        sys.path.remove(str(FOLDER))
    return {"ports": ports, "stack": stack, "topology": topology}


@pytest.fixture(scope="module")
def model() -> dict:
    """The file as Compose understands it: checked against its schema, anchors and variables resolved."""
    command = [required("SLUICE_COMPOSE_SPEC"), "-format", "json", "docker-compose.yaml"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def services(model) -> dict:
    return model["services"]


@pytest.fixture
def started(local, monkeypatch, tmp_path) -> dict:
    """What run-local would start."""
    monkeypatch.setattr(local["topology"], "_program", lambda variable, otherwise="": f"/nowhere/bin/{variable}")
    return local["topology"].services(local["ports"].USUAL, tmp_path)


def seconds(duration: str) -> float:
    return float(re.fullmatch(r"(\d+)s", duration)[1])


def test_it_has_the_services_of_run_local_and_grafana(services, local):
    assert set(services) == {*local["ports"].USUAL, "grafana"}


def test_every_image_is_built_here_or_has_a_version(services):
    built = {service["image"] for service in services.values() if "build" in service}
    for name, service in services.items():
        if build := service.get("build"):
            assert (Path(build["context"]) / build["dockerfile"]).is_file(), name
        elif service["image"] not in built:
            assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name


def test_an_image_is_built_by_one_service(services):
    """Compose builds all at once, and where two builds have one name the later of them fails."""
    built = [service["image"] for service in services.values() if "build" in service]
    assert len(built) == len(set(built)) == 4


def test_jaeger_and_zipkin_are_the_versions_that_the_suite_runs(services):
    run = (ROOT / ".ci" / "run").read_text()
    for name in ("jaeger", "zipkin"):
        version = re.search(rf"^{name}_version=v?(.*)$", run, re.MULTILINE)[1]
        assert services[name]["image"].endswith(f":{version}")


def test_ports_are_those_of_run_local_on_the_loopback_address(services, local):
    usual = {name: set(of.values()) for name, of in local["ports"].USUAL.items()} | {"grafana": {3000}}
    for name, service in services.items():
        for port in service.get("ports", []):
            assert port["host_ip"] == "127.0.0.1", name
            assert int(port["published"]) in usual[name]
            assert (port["protocol"] == "udp") == (port["published"] == "6831")


def test_what_is_mounted_exists(services, model):
    for service in services.values():
        for volume in service.get("volumes", []):
            assert Path(volume["source"]).exists() if volume["type"] == "bind" else volume["source"] in model["volumes"]


def test_services_are_configured_as_by_run_local(services, local, started):
    """The same variables with the same values, but for the addresses."""
    usual = local["ports"].USUAL
    # In a network of its own, Jaeger and Zipkin have the ports that they always have.
    own = {("jaeger", "otlp"): 4317, ("zipkin", "http"): 9411}
    addresses = {
        f"127.0.0.1:{port}": f"{name}:{own.get((name, use), port)}" for name, of in usual.items() for use, port in of.items()
    }
    for name, service in started.items():
        if name not in DEMO | {"sluice"}:
            continue
        wanted = {}
        for key, value in service.env.items():
            for address, elsewhere in addresses.items():
                value = re.sub(rf"{re.escape(address)}\b", elsewhere, value)
            wanted[key] = value
        # Every address of a container's own.
        wanted |= {"LISTEN": re.sub(r"^.*:", "0.0.0.0:", wanted["LISTEN"])} if "LISTEN" in wanted else {}
        has = dict(services[name]["environment"])
        if name == "sluice":
            # The file's defaults.
            wanted = {key: value for key, value in wanted.items() if not key.endswith("_PORT")}
            assert (wanted.pop("SLUICE_HOST"), has.pop("SLUICE_HOST")) == ("127.0.0.1", "0.0.0.0")
            wanted["LOG_FILE"] = has["LOG_FILE"]
        elif name == "warehouse":
            wanted["JAEGER_AGENT_HOST"] = "sluice"
        elif name == "shop":
            assert has.pop("CHECKOUTS_PER_SECOND") == "1"
        assert has == wanted, name


@pytest.mark.parametrize(("name", "file"), [("sluice", "sluice.yaml"), ("logs", "logs.yaml")])
def test_every_variable_for_sluice_is_read(services, started, name, file):
    read = set(re.findall(r"\$\{env:(\w+):-", (FOLDER / file).read_text())) | {"SLUICE_SHUTDOWN_TIMEOUT"}
    assert {*services[name]["environment"], *started[name].env} <= read


def test_prometheus_is_started_as_by_run_local(services, started):
    def but_for_places(command: list[str]) -> set[str]:
        places = ("--config.file", "--storage.tsdb.path", "--web.listen-address")
        return {flag for flag in command if flag.startswith("--") and not flag.startswith(places)}

    assert but_for_places(started["prometheus"].command) == but_for_places(services["prometheus"]["command"])


def test_prometheus_pulls_from_sluice_where_run_local_replaces_the_address(started, tmp_path):
    (job,) = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["sluice:8889"]}]
    assert (tmp_path / "prometheus.yaml").read_text().count("127.0.0.1:8889") == 1


def test_the_end_comes_with_the_data_and_leaves_time_to_drain(services, local):
    sluice = services["sluice"]
    assert seconds(sluice["stop_grace_period"]) == local["stack"].Stack.GRACE_SECONDS
    assert local["stack"].Stack.GRACE_SECONDS > seconds(sluice["environment"]["SLUICE_SHUTDOWN_TIMEOUT"])
    # Compose stops what depends on others before those.
    assert set(sluice["depends_on"]) == {"jaeger", "zipkin", "prometheus", "logs"}
    for name in DEMO:
        assert "sluice" in services[name]["depends_on"]
    assert {"stock", "payment"} <= set(services["shop"]["depends_on"])


def test_every_service_has_a_health_check(services):
    # Zipkin's is in its image.
    assert {name for name, service in services.items() if "healthcheck" not in service} == {"zipkin"}


@pytest.mark.parametrize("name", ["sluice.yaml", "logs.yaml"])
def test_the_configurations_of_sluice_validate(name):
    done = subprocess.run([binary(), "validate", "--config", FOLDER / name], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def sources() -> dict[str, dict]:
    read = yaml.safe_load((GRAFANA / "datasources.yaml").read_text())
    return {source["uid"]: source for source in read["datasources"]}


@pytest.fixture(scope="module")
def dashboard() -> dict:
    return json.loads((GRAFANA / "dashboards" / "shop.json").read_text())


def test_a_data_source_is_a_service_of_the_stack(sources, services):
    assert {source["type"] for source in sources.values()} == {"prometheus", "jaeger", "zipkin"}
    for source in sources.values():
        assert re.fullmatch(r"http://(prometheus:9090|jaeger:16686|zipkin:9411)", source["url"])


def test_an_exemplar_leads_to_jaeger(sources):
    (destination,) = sources["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert destination["name"] == "trace_id"
    assert sources[destination["datasourceUid"]]["type"] == "jaeger"


def test_the_dashboard_is_found_and_asks_data_sources_that_exist(dashboard, sources, services):
    (provider,) = yaml.safe_load((GRAFANA / "dashboards.yaml").read_text())["providers"]
    mounted = {volume["target"]: Path(volume["source"]) for volume in services["grafana"]["volumes"]}
    assert mounted[provider["options"]["path"]] == GRAFANA / "dashboards"
    for panel in dashboard["panels"]:
        for asked in (panel, *panel["targets"]):
            assert sources[asked["datasource"]["uid"]]["type"] == asked["datasource"]["type"], panel["title"]
