"""A room that looks to a process like the containers of docker-compose.yaml: hosts, ports, paths, users, read-only.

Made of Linux namespaces (unshare), for root alone. Programs are this machine's own; what an image brings besides them is not
here. So each service's command, environment and health check run as they stand in the file, on the ports that it names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ai_finops.config import REPOSITORY
from tests.publish.postgres_cluster import find_program

HOSTS = ("postgres", "redis", "airflow-api-server", "otel-collector", "local-aws", "node-exporter", "prometheus")
USERS = {"airflow": 50000, "postgres": 999, "nobody": 65534}
_OWN = ("tmp", "opt", "root", "home", "mnt", "run")
"""Folders of the root that the room has by itself."""
COPIED = ("requirements.txt", "pyproject.toml", "README.md", "dags", "dbt_project", "plugins")
"""What the Dockerfile copies."""


def missing() -> str | None:
    """What this machine lacks for a room, in a sentence."""
    if os.geteuid() != 0:
        return "only root may make namespaces"
    for program in ("unshare", "setpriv", "chroot", "mount", "ip"):
        if not shutil.which(program):
            return f"{program} is not installed (Debian: util-linux, coreutils, iproute2)"
    tried = subprocess.run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], capture_output=True, check=False)
    return None if tried.returncode == 0 else f"no namespaces here: {tried.stderr.decode().strip()}"


def unshared(command: Sequence[str]) -> list[str]:
    """The command that runs `command` with a network, mounts and processes of its own; all of them end with it."""
    return ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", *command]


def copy_of_repository(folder: Path) -> Path:
    """What the image of the pipeline holds below /opt/ai-finops: copied as by the Dockerfile, and parsed."""
    image = folder / "image"
    image.mkdir()
    for name in COPIED:
        source = REPOSITORY / name
        if source.is_dir():
            left_out = shutil.ignore_patterns(
                "__pycache__", "*.egg-info", *(("target", "logs") if name == "dbt_project" else ())
            )
            shutil.copytree(source, image / name, ignore=left_out)
        else:
            shutil.copy(source, image)
    env = {**os.environ, "PYTHONPATH": str(image / "plugins")}
    env |= {"AI_FINOPS_DBT_PROJECT": str(image / "dbt_project"), "DO_NOT_TRACK": "1"}
    subprocess.run([sys.executable, "-m", "ai_finops.build.parse_process"], env=env, cwd=image, check=True)
    for name in ("var", "alarms"):
        (image / name).mkdir()
        os.chown(image / name, USERS["airflow"], USERS["airflow"])
    return image


class Room:
    """Inside `unshared`: a root below `folder` that processes are started in."""

    def __init__(self, folder: Path, *, image: Path) -> None:
        self.root = folder / "root"
        self.root.mkdir()
        self._mount("-t", "tmpfs", "-o", "mode=755", "room", str(self.root))
        for path in Path("/").iterdir():
            self._take_over(path)
        for path in dict.fromkeys((sys.prefix, sys.base_prefix)):
            if Path(path).parts[1] in _OWN:
                self._bind(Path(path), path)
        self._bind(image, "/opt/ai-finops", writable=True)
        for name in ("dags", "dbt_project", "plugins"):
            self._bind(image / name, f"/opt/ai-finops/{name}")
        self._bind(image / "var", "/opt/ai-finops/var", writable=True)
        self._bind(image / "alarms", "/opt/ai-finops/alarms", writable=True)
        self._write("/etc/hosts", f"127.0.0.1 localhost {os.uname().nodename} {' '.join(HOSTS)}\n", folder=folder)
        users = [f"{name}:x:{number}:{number}::/home/{name}:/bin/sh\n" for name, number in USERS.items()]
        self._write("/etc/passwd", "".join(["root:x:0:0::/root:/bin/sh\n", *users]), folder=folder)
        for name in ("airflow", "postgres"):
            (self.root / "home" / name).mkdir(parents=True)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)

    def volume(self, source: Path, target: str, *, user: int) -> None:
        """Show a folder of this machine in the room, written by `user`."""
        source.mkdir(parents=True, exist_ok=True)
        os.chown(source, user, user)
        source.chmod(0o700 if target.startswith("/var/lib/postgresql") else 0o755)
        self._bind(source, target, writable=True)

    def show(self, source: Path, target: str) -> None:
        """Show a file or folder of the repository in the room, to be read."""
        self._bind(source, target)

    def close(self) -> None:
        """Take away the right to write: from now on the root is read-only."""
        self._mount("-o", "remount,bind,ro", str(self.root))

    def command(self, words: Sequence[str], *, user: str, workdir: str = "/") -> list[str]:
        """The command that runs `words` in the room as `user` (`uid:gid`), without capabilities and without new ones."""
        uid, gid = user.split(":")
        return [
            *("chroot", str(self.root), "setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"),
            *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "env", f"--chdir={workdir}", *words),
        ]

    @staticmethod
    def environment(given: Mapping[str, str]) -> dict[str, str]:
        """What a process in the room has: the service's own variables, and what an image says of itself."""
        # TRY_PACKAGES: a folder of packages below the image, such as another release, that goes before those installed.
        packages = [*filter(None, [os.environ.get("TRY_PACKAGES")]), "/opt/ai-finops/plugins"]
        found = {"PATH": f"{Path(sys.executable).parent}:{find_program('postgres').parent}:/usr/bin:/bin:/usr/sbin"}
        return found | {"HOME": "/home/airflow", "LANG": "C.UTF-8", "PYTHONPATH": ":".join(packages), **given}

    def _take_over(self, path: Path) -> None:
        if path.is_symlink():
            (self.root / path.name).symlink_to(path.readlink())
        elif path.is_dir() and path.name not in _OWN:
            self._bind(path, str(path), writable=path.name in ("dev", "proc", "sys"))
        elif path.name == "tmp":
            (self.root / "tmp").mkdir()
            self._mount("-t", "tmpfs", "-o", "mode=1777", "tmp", str(self.root / "tmp"))

    def _bind(self, source: Path, target: str, *, writable: bool = False) -> None:
        place = self.root / target.lstrip("/")
        if source.is_dir() and not place.is_dir():
            there = next(each for each in place.parents if each.is_dir())
            if os.statvfs(there).f_flag & os.ST_RDONLY:  # a folder of this machine: its place is taken by an empty one
                self._mount("-t", "tmpfs", "-o", "mode=755", "room", str(there))
            place.mkdir(parents=True)
        elif source.is_file() and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        self._mount("--rbind", str(source), str(place))
        if not writable:
            self._mount("-o", "remount,bind,ro", str(place))

    def _write(self, target: str, text: str, *, folder: Path) -> None:
        file = folder / Path(target).name
        file.write_text(text)
        self._bind(file, target)

    @staticmethod
    def _mount(*words: str) -> None:
        done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"mount {' '.join(words)}: {done.stderr.strip()}")
