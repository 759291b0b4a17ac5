"""Starts services of docker-compose.yaml as processes of a room: what the file says, in the order of what they wait for."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.compose.room import Room

# What an image runs before the command of the file. Debian names these two its own way.
ENTRYPOINTS = {"prometheus": ["prometheus"], "node-exporter": ["prometheus-node-exporter"]}
OF_THE_IMAGE = "/opt/ai-finops"


class NotHealthy(Exception):
    """A service did not become what another waits for."""


class LittleCompose:
    """Services that were started, with what became of them."""

    def __init__(self, services: Mapping[str, Mapping[str, Any]], *, room: Room, logs: Path) -> None:
        self.services, self.room, self.logs = services, room, logs
        self.processes: dict[str, subprocess.Popen] = {}
        self.healthy_after: dict[str, float] = {}
        logs.mkdir(exist_ok=True)

    def up(self, name: str, *, timeout_seconds: float = 300.0) -> None:
        """Start a service, after what it waits for, and wait until it is healthy or, if it ends by itself, has ended well."""
        if name in self.processes:
            return
        for other in self.services[name].get("depends_on", {}):
            self.up(other)
        self.start(name)
        self.wait(name, timeout_seconds=timeout_seconds)

    def start(self, name: str) -> None:
        """Start a service's command, as its user and with its environment."""
        service = self.services[name]
        with (self.logs / f"{name}.log").open("ab") as output:
            self.processes[name] = subprocess.Popen(
                self._command(name, [*ENTRYPOINTS.get(name, []), *service["command"]]),
                env=self._environment(name),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def wait(self, name: str, *, timeout_seconds: float) -> None:
        started, process = time.monotonic(), self.processes[name]
        while time.monotonic() - started < timeout_seconds:
            if self.services[name]["healthcheck"].get("disable"):
                if process.poll() == 0:
                    break
            elif self.check(name) == "":
                break
            if process.poll():
                raise NotHealthy(f"{name} ended with {process.returncode}: {self.log(name)[-1500:]}")
            time.sleep(1)
        else:
            raise NotHealthy(f"{name}: {self.check(name) or 'still running'}: {self.log(name)[-1500:]}")
        self.healthy_after[name] = round(time.monotonic() - started, 1)

    def check(self, name: str) -> str:
        """Run the service's health check once; return what it said when it failed, and nothing when it passed."""
        kind, *words = self.services[name]["healthcheck"]["test"]
        words = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        done = subprocess.run(
            self._command(name, words), env=self._environment(name), capture_output=True, text=True, check=False
        )
        return "" if done.returncode == 0 else f"exit code {done.returncode}: {done.stderr or done.stdout}"

    def log(self, name: str) -> str:
        return (self.logs / f"{name}.log").read_text(errors="replace")

    def run(self, name: str, words: list[str]) -> str:
        """Run another command as a service, as `docker compose exec` does; return what it printed."""
        done = subprocess.run(
            self._command(name, words), env=self._environment(name), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NotHealthy(f"{' '.join(words)}: {done.stderr[-1500:]}")
        return done.stdout

    def down(self) -> None:
        """Stop all, the last first."""
        for process in reversed(self.processes.values()):
            process.terminate()
        deadline = time.monotonic() + 20
        for process in self.processes.values():
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()

    def _command(self, name: str, words: list[str]) -> list[str]:
        service = self.services[name]
        workdir = OF_THE_IMAGE if service["image"].startswith("ai-finops:") else "/"
        return self.room.command(words, user=service["user"], workdir=workdir)

    def _environment(self, name: str) -> dict[str, str]:
        return self.room.environment(
            {key: str(value) for key, value in self.services[name].get("environment", {}).items()}
        )
