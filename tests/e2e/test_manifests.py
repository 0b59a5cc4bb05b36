"""The manifests of `examples/kubernetes`: what no schema says. `.ci/run manifests` checks them against the schemas."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest

from harness import manifests, signals
from harness.collector import binary

SLUICES = manifests.sluices()
TIERS = {"sluice-agent": "T0", "sluice-gateway": "T0", "shop": "T1"}


def of(kind: str) -> list[dict]:
    return [one for one in manifests.all_documents() if one["kind"] == kind]


@pytest.fixture(params=SLUICES, ids=lambda one: one.name)
def sluice(request):
    return request.param


def test_every_workload_is_looked_at():
    assert {one.name for one in SLUICES} == TIERS.keys()


def test_its_configuration_validates_and_answers_in_its_tier(sluice, tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(sluice.config)
    env = {**os.environ, **sluice.env()}
    command = [binary(), "validate", "--strict", "--format=json", "--config", str(file), *sluice.args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, env=env)
    told = json.loads(done.stdout)
    wrong = [one for one in told["problems"] if not one["message"].startswith("UDP cannot refuse")]
    assert told["valid"] and not wrong, told
    assert {pipeline["tier"] for pipeline in told["pipelines"]} == {TIERS[sluice.name]}


def test_every_variable_of_its_configuration_is_set(sluice):
    assert set(re.findall(r"\$\{env:(\w+)", sluice.config)) <= sluice.env().keys()


def test_the_kubelet_waits_for_delay_and_deadline(sluice):
    grace = sluice.pod["terminationGracePeriodSeconds"]
    assert grace > sluice.seconds("drain-delay") + sluice.seconds("shutdown-timeout")


def test_its_probes_ask_where_it_listens_and_do_not_kill_it_while_it_drains(sluice):
    ports = {port["name"]: port["containerPort"] for port in sluice.container["ports"]}
    assert f"endpoint: :{ports['health']}" in sluice.config
    assert sluice.container["startupProbe"]["httpGet"] == {"path": "/readyz", "port": "health"}
    assert sluice.container["livenessProbe"]["tcpSocket"] == {"port": "health"}


def test_it_runs_without_rights(sluice):
    assert sluice.pod["securityContext"] == {
        "runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"},
    }  # fmt: skip
    assert sluice.pod["automountServiceAccountToken"] is False
    for container in sluice.pod.get("initContainers", []) + sluice.pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip


def test_selectors_find_the_pods():
    labels = [workload["spec"]["template"]["metadata"]["labels"] for kind in manifests.WORKLOADS for workload in of(kind)]
    selectors = [one["spec"]["selector"] for one in of("Service")]
    for kind in (*manifests.WORKLOADS, "PodDisruptionBudget"):
        selectors += [one["spec"]["selector"]["matchLabels"] for one in of(kind)]
    assert selectors
    for selector in selectors:
        assert any(selector.items() <= one.items() for one in labels), selector


def test_names_lead_to_what_is_there():
    services = {one["metadata"]["name"]: one for one in of("Service")}
    for one in SLUICES:
        for value in (value for name, value in one.env().items() if name == "OTLP_GATEWAY"):
            host, port = value.split(":")
            assert int(port) in [there["port"] for there in services[host]["spec"]["ports"]]
    for scaler in of("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        (workload,) = (one for one in of(target["kind"]) if one["metadata"]["name"] == target["name"])
        # Else each `kubectl apply` would undo what the scaler did.
        assert "replicas" not in workload["spec"]


def test_the_sidecar_is_a_native_one_of_a_quarter_cpu_and_64_mib():
    sidecar = manifests.sluice("shop").container
    assert sidecar in manifests.sluice("shop").pod["initContainers"]
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["resources"]["limits"] == {"cpu": "250m", "memory": "64Mi"}


def test_what_stands_for_the_application_sends(grpc_sink):
    (app,) = manifests.sluice("shop").pod["containers"]
    command = [binary(), *app["args"], f"--endpoint={grpc_sink.endpoint}", "--count=10"]
    subprocess.run(command, check=True, timeout=30)
    assert grpc_sink.count(signals.TRACES) == 10


def test_a_rolling_update_of_the_gateway_takes_no_pod_away_first():
    (gateway,) = of("Deployment")[:1]
    assert gateway["metadata"]["name"] == "sluice-gateway"
    assert gateway["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
