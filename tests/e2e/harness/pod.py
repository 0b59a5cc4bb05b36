"""What a pod has of its own: names that resolve as in a cluster, and limits of CPU and memory."""

from __future__ import annotations

import os
from pathlib import Path

# The arguments: a folder with files that take the place of the machine's, groups to enter, `--`, the command.
_START = """
folder=$1
shift
until [ "$1" = -- ]; do
  echo $$ >"$1/cgroup.procs" || exit
  shift
done
shift
mount --bind "$folder/hosts" /etc/hosts && mount --bind "$folder/resolv.conf" /etc/resolv.conf && exec "$@"
"""
_SIZE = 1024


class Names:
    """The names that processes know which are started `within` it. They may change while they run."""

    def __init__(self, directory: Path):
        self._folder = directory / "names"
        self._folder.mkdir()
        # Nobody listens there, and says so at once.
        (self._folder / "resolv.conf").write_text("nameserver 127.255.255.254\noptions timeout:1 attempts:1\n")
        self._file = self._folder / "hosts"
        self._file.write_bytes(b"\n" * _SIZE)

    def set(self, name: str, *addresses: str):
        """`name` has these addresses from now on, and no other name but localhost has any."""
        lines = "127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for address in addresses)
        # In one piece, and in the same file: a reader sees the old content or the new one.
        with self._file.open("r+b", buffering=0) as file:
            assert file.write(lines.ljust(_SIZE, "\n").encode()) == _SIZE

    def within(self, *groups: Path) -> tuple[str, ...]:
        """What to put before a command. It keeps its process number."""
        own = () if os.geteuid() == 0 else ("--map-root-user",)
        return ("unshare", "--mount", *own, "sh", "-c", _START, "sh", str(self._folder), *map(str, groups), "--")


class Limits:
    """A control group, of version 2 or 1, with the limits of a container's `resources`.

    Raises OSError where this user may not make one.
    """

    def __init__(self, name: str, resources: dict):
        cpus, memory = _cpus(resources["limits"]["cpu"]), _bytes(resources["limits"]["memory"])
        root, period = Path("/sys/fs/cgroup"), 100_000
        if (root / "cgroup.controllers").exists():
            wanted = {root / name: {"cpu.max": f"{cpus * period:.0f} {period}", "memory.max": memory}}
        else:
            wanted = {
                root / "cpu" / name: {"cpu.cfs_period_us": period, "cpu.cfs_quota_us": round(cpus * period)},
                root / "memory" / name: {"memory.limit_in_bytes": memory},
            }
        self.groups: list[Path] = []
        try:
            for group, files in wanted.items():
                group.mkdir()
                self.groups.append(group)
                for file, limit in files.items():
                    (group / file).write_text(str(limit))
        except OSError:
            self.remove()
            raise

    def remove(self):
        """Only once nothing runs in it any more."""
        for group in self.groups:
            group.rmdir()


def _cpus(text: str) -> float:
    return int(text[:-1]) / 1000 if text.endswith("m") else float(text)


def _bytes(text: str) -> int:
    assert text.endswith("Mi"), text
    return int(text[:-2]) << 20


def memory_limit(resources: dict) -> int:
    return _bytes(resources["limits"]["memory"])
