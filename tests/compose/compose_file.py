"""docker-compose.yaml as the tests read it: parsed, with its variables filled in as Compose does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ai_finops.config import REPOSITORY

FILE = REPOSITORY / "docker-compose.yaml"
DEPLOY = REPOSITORY / "plugins" / "ai_finops" / "deploy"
_VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)|\{(?P<name>[A-Z0-9_]+)(?:(?P<how>:[-?])(?P<word>[^}]*))?\}|(?P<bare>[A-Z0-9_]+))"
)


class Missing(Exception):
    """A variable without which Compose refuses the file."""


@cache
def raw() -> dict[str, Any]:
    """The file as YAML, anchors merged, variables as they stand."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def filled(env: Mapping[str, str]) -> dict[str, Any]:
    """The file with the variables of `env`."""
    return _fill(raw(), env)


def services(env: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
    return (raw() if env is None else filled(env))["services"]


def variables(value: Any) -> list[tuple[str, str, str]]:
    """Name, operator and word of each variable in a value."""
    if isinstance(value, Mapping):
        return [found for each in value.values() for found in variables(each)]
    if isinstance(value, list):
        return [found for each in value for found in variables(each)]
    found = list(_VARIABLE.finditer(value)) if isinstance(value, str) else []
    return [
        (match["name"] or match["bare"], match["how"] or "", match["word"] or "")
        for match in found
        if not match["escaped"]
    ]


def _fill(value: Any, env: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _fill(each, env) for key, each in value.items()}
    if isinstance(value, list):
        return [_fill(each, env) for each in value]
    return _VARIABLE.sub(lambda match: _filled(match, env), value) if isinstance(value, str) else value


def _filled(match: re.Match, env: Mapping[str, str]) -> str:
    if match["escaped"]:
        return "$"
    given = env.get(match["name"] or match["bare"], "")
    if given:
        return given
    if match["how"] == ":?":
        raise Missing(match["word"])
    return match["word"] or ""


def env_of(text: str) -> dict[str, str]:
    """The variables of an `.env` file."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def repository_path(mount: str) -> Path:
    """What a bind mount shows, on this machine."""
    return (REPOSITORY / mount.split(":")[0]).resolve()
