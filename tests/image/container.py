"""An image of buildah's, and containers of it by crun: as a runtime with every restriction of a hardened pod."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

PATIENCE = 30.0
# The profile that Debian ships for podman; Docker's and Kubernetes' are made from the same one.
SECCOMP = Path("/usr/share/containers/seccomp.json")
ROOTFS_MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
]


def until(told, what: str):
    """Waits for the first true value of `told`."""
    end = time.monotonic() + PATIENCE
    while not (value := told()):
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.02)
    return value


class Image:
    def __init__(self, flavour: str):
        self.flavour = flavour
        name = f"localhost/sluice:{flavour}"
        container = buildah("from", "--pull-never", name)
        self.root = Path(buildah("mount", container))
        self.config = json.loads(buildah("inspect", "--type", "image", name))["Docker"]["config"]

    def files(self) -> set[str]:
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*") if not path.is_dir()}


def buildah(*arguments: str) -> str:
    return subprocess.run(["buildah", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


class Container:
    """Read-only root, the image's user, no capability, no new privilege, seccomp, a PID namespace of its own. The
    network is that of the test, which has nothing but loopback."""

    count = 0

    def __init__(self, image: Image, directory: Path, arguments=(), env=None, mounts: dict[str, Path | str] | None = None):
        Container.count += 1
        self.id = f"sluice-{os.getpid()}-{Container.count}"
        self.bundle = directory / self.id
        self.image = image
        # A runtime has a layer for the places to mount at.
        shutil.copytree(image.root, self.bundle / "rootfs", symlinks=True)
        config = self._config(list(arguments), env or {}, self._files(mounts or {}))
        (self.bundle / "config.json").write_text(json.dumps(config))
        self.log_file = self.bundle / "log"
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [*self._crun("run"), "--bundle", str(self.bundle), self.id], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _files(self, mounts: dict[str, Path | str]) -> dict[str, Path]:
        files = {}
        for number, (place, content) in enumerate(mounts.items()):
            if isinstance(content, str):
                file = self.bundle / f"mounted-{number}"
                file.write_text(content)
                content = file
            files[place] = content
        return files

    def _config(self, arguments: list[str], env: dict[str, str], files: dict[str, Path]) -> dict:
        config = self.image.config
        uid, gid = (int(number) for number in config["User"].split(":"))
        none = {kind: [] for kind in ("bounding", "effective", "inheritable", "permitted", "ambient")}
        binds = [
            {"destination": place, "source": str(file), "type": "bind", "options": ["bind", "ro"]}
            for place, file in files.items()
        ]
        return {
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": uid, "gid": gid},
                "args": [*config["Entrypoint"], *arguments],
                "env": [*config["Env"], *(f"{name}={value}" for name, value in env.items())],
                "cwd": config["WorkingDir"] or "/",
                "capabilities": none,
                "noNewPrivileges": True,
            },
            "root": {"path": "rootfs", "readonly": True},
            "mounts": ROOTFS_MOUNTS + binds,
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")], "seccomp": seccomp()},
        }

    def _crun(self, command: str) -> list[str]:
        return ["crun", "--root", str(self.bundle.parent / "crun"), "--cgroup-manager=disabled", command]

    def log(self) -> str:
        return self.log_file.read_text()

    def wait_for(self, text: str) -> Container:
        def said():
            assert self.process.poll() is None or text in self.log(), self.log()
            return text in self.log()

        until(said, f"`{text}` in the log")
        return self

    def ready(self) -> Container:
        return self.wait_for("Everything is ready.")

    def exec(self, *command: str) -> subprocess.CompletedProcess:
        """Runs a command in the container, as the image's user."""
        arguments = [*self._crun("exec"), "--user", self.image.config["User"], self.id, *command]
        return subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)

    def healthcheck(self) -> int:
        kind, *command = self.image.config["Healthcheck"]["Test"]
        assert kind == "CMD", "there is no shell"
        return self.exec(*command).returncode

    def kill(self, signal: str):
        subprocess.run([*self._crun("kill"), self.id, signal], check=True)

    def wait(self) -> int:
        return self.process.wait(PATIENCE)

    def close(self):
        if self.process.poll() is None:
            self.kill("KILL")
            self.wait()


def seccomp() -> dict:
    """What of the profile is for a process without capabilities."""
    profile = json.loads(SECCOMP.read_text())

    def is_for_all(rule: dict) -> bool:
        includes = rule.get("includes") or {}
        return not includes.get("caps") and "amd64" in (includes.get("arches") or ["amd64"])

    rules = [
        {key: rule[key] for key in ("names", "action", "args", "errnoRet") if rule.get(key)}
        for rule in profile["syscalls"]
        if is_for_all(rule)
    ]
    return {"defaultAction": profile["defaultAction"], "architectures": ["SCMP_ARCH_X86_64"], "syscalls": rules}
