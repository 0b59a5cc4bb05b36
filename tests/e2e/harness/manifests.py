"""The manifests of `examples/kubernetes`, as data: what each container is started with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

FOLDER = Path(__file__).parents[3] / "examples" / "kubernetes"
FILES = sorted(FOLDER.glob("*.yaml"))
# The kinds that have a template of pods.
WORKLOADS = ("DaemonSet", "Deployment", "StatefulSet", "Job")


@dataclass(frozen=True)
class Sluice:
    """A container of sluice in a workload's pod."""

    workload: dict
    container: dict
    # The YAML that it reads.
    config: str

    @property
    def name(self) -> str:
        return self.workload["metadata"]["name"]

    @property
    def pod(self) -> dict:
        return self.workload["spec"]["template"]["spec"]

    @property
    def args(self) -> list[str]:
        return self.container.get("args", [])

    def seconds(self, flag: str) -> int:
        """The value of a flag that is a number of seconds."""
        (value,) = (arg.removeprefix(f"--{flag}=") for arg in self.args if arg.startswith(f"--{flag}="))
        return int(value.removesuffix("s"))

    def env(self) -> dict[str, str]:
        """The variables whose values are written in the manifest; those of the downward API are empty."""
        return {one["name"]: one.get("value", "") for one in self.container.get("env", [])}


def documents(file: Path) -> list[dict]:
    return [one for one in yaml.safe_load_all(file.read_text()) if one]


def all_documents() -> list[dict]:
    return [one for file in FILES for one in documents(file)]


def sluices() -> list[Sluice]:
    """Every container of sluice, in the order of the files."""
    found = []
    for workload in (one for one in all_documents() if one["kind"] in WORKLOADS):
        pod = workload["spec"]["template"]["spec"]
        for container in pod.get("initContainers", []) + pod["containers"]:
            if container["image"].startswith("sluice:") and "volumeMounts" in container:
                found.append(Sluice(workload, container, _config(pod, container)))
    return found


def sluice(workload: str) -> Sluice:
    (one,) = (one for one in sluices() if one.name == workload)
    return one


def _config(pod: dict, container: dict) -> str:
    """What the container finds at /etc/sluice/config.yaml."""
    (mount,) = (mount for mount in container["volumeMounts"] if mount["mountPath"] == "/etc/sluice")
    (volume,) = (volume for volume in pod["volumes"] if volume["name"] == mount["name"])
    maps = {one["metadata"]["name"]: one for one in all_documents() if one["kind"] == "ConfigMap"}
    return maps[volume["configMap"]["name"]]["data"]["config.yaml"]
