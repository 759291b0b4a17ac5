"""A policy's text as values that know where they stand, so that every complaint can name its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ai_finops.errors import PolicyError

LARGEST_BYTES = 1_000_000
DEEPEST = 20
MOST_VALUES = 20_000
_SCALARS = ("str", "int", "float", "bool", "null")
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the policy, where it stands, and how to reach it."""

    content: Any
    """A dict of text to `Value`, a list of `Value`, or a text, number, bool or None."""
    origin: str
    path: str = ""
    """As in `models.lite.tier`; empty for the whole."""
    line: int | None = None
    """From 1, that of the key where there is one; None in a policy that is no file."""

    def refuse(self, words: str) -> NoReturn:
        """Raise the error of this value: `policy.yaml, line 3: models.lite.tier: …`."""
        refuse(words, origin=self.origin, line=self.line, path=self.path)


def refuse(words: str, *, origin: str, line: int | None = None, path: str = "") -> NoReturn:
    """Raise PolicyError with the place in front."""
    place = f"{origin}, line {line}" if line is not None else origin
    raise PolicyError(": ".join(part for part in (place, path, words) if part))


def plain(value: Value) -> Any:
    """Return what a value holds as dicts, lists and scalars."""
    content = value.content
    if isinstance(content, dict):
        return {key: plain(each) for key, each in content.items()}
    return [plain(each) for each in content] if isinstance(content, list) else content


def shown(content: object) -> str:
    """Say a text or a number in a few words, and never all of a long one."""
    try:
        words = repr(content)
    except ValueError:  # a number of more digits than Python writes
        return f"a long {type(content).__name__}"
    return words if len(words) <= 60 else f"{words[:57]}…"


def from_mapping(content: object, *, origin: str = "policy") -> Value:
    """Return a policy that is Python values already.

    Raises:
        PolicyError: A key is no text, a value is of a type that no policy has, or there is too much of it.
    """
    return _from_python(content, origin, "", 0, [0])


def _from_python(content: object, origin: str, path: str, depth: int, seen: list[int]) -> Value:
    seen[0] += 1
    if depth > DEEPEST or seen[0] > MOST_VALUES:
        refuse(f"more than {DEEPEST} levels or {MOST_VALUES} values", origin=origin, path=path)
    if isinstance(content, Mapping):
        for key in content:
            if not isinstance(key, str):
                refuse(f"a key has to be a text and is {shown(key)}", origin=origin, path=path)
        inner = {key: _from_python(each, origin, _join(path, key), depth + 1, seen) for key, each in content.items()}
        return Value(inner, origin, path)
    if isinstance(content, Sequence) and not isinstance(content, str | bytes):
        values = [_from_python(each, origin, f"{path}[{place}]", depth + 1, seen) for place, each in enumerate(content)]
        return Value(values, origin, path)
    if content is not None and not isinstance(content, str | int | float):
        refuse(f"a {type(content).__name__} is nothing a policy holds", origin=origin, path=path)
    if isinstance(content, int) and content.bit_length() > 64:
        refuse("a whole number of more than 64 bits is nothing a policy holds", origin=origin, path=path)
    return Value(content, origin, path)


def from_yaml(text: str, *, origin: str) -> Value:
    """Return the one document of a YAML text; nothing of it is executed and no alias is followed.

    Raises:
        PolicyError: It is no YAML, or has several documents, an anchor or alias, a key twice, a key that is no text, a tag of
            its own, or is too large; the message names the line. Also where PyYAML is not installed.
    """
    yaml = _import_yaml(origin)
    if len(text) > LARGEST_BYTES:
        refuse(f"more than {LARGEST_BYTES:,} characters are no policy", origin=origin)
    try:
        _check_events(yaml, text, origin)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            refuse("is empty; a policy begins with `policy: <its name>`", origin=origin)
        return _from_node(yaml.SafeLoader(""), node, origin, "")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        position = getattr(error, "position", None)  # of a character that no YAML holds
        words = getattr(error, "problem", None) or str(error).splitlines()[0]
        line = mark.line + 1 if mark else None if position is None else text.count("\n", 0, position) + 1
        refuse(f"is no YAML: {words}", origin=origin, line=line)


def _import_yaml(origin: str) -> Any:
    try:
        import yaml  # only those who keep a policy in a file need it
    except ImportError:
        refuse("to read YAML, install ai-finops[router], or give the policy as a mapping", origin=origin)
    return yaml


def _check_events(yaml: Any, text: str, origin: str) -> None:
    """Refuse what would grow or nest without bound, before anything is built of it."""
    depth = documents = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            refuse(f"anchors and aliases (`{event.anchor}`) are not read; write it out", origin=origin, line=line)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if documents > 1:
            refuse("a second document begins; a policy is one", origin=origin, line=line)
        if depth > DEEPEST or count > MOST_VALUES:
            refuse(f"more than {DEEPEST} levels or {MOST_VALUES:,} values are no policy", origin=origin, line=line)


def _from_node(loader: Any, node: Any, origin: str, path: str, key_line: int | None = None) -> Value:
    line = key_line or node.start_mark.line + 1
    if node.id == "mapping":
        return Value(_mapping(loader, node, origin, path), origin, path, line)
    if node.id == "sequence":
        values = [_from_node(loader, each, origin, f"{path}[{place}]") for place, each in enumerate(node.value)]
        return Value(values, origin, path, line)
    kind = node.tag.removeprefix(_TAG)
    if kind not in _SCALARS:
        refuse(f"{shown(node.value)} reads as {kind}; put it in quotes", origin=origin, line=line, path=path)
    try:
        return Value(loader.construct_object(node), origin, path, line)
    except Exception:  # noqa: BLE001  PyYAML lets out whatever `int` and its own tables raise
        refuse(f"{shown(node.value)} does not read as {kind}", origin=origin, line=line, path=path)


def _mapping(loader: Any, node: Any, origin: str, path: str) -> dict[str, Value]:
    content: dict[str, Value] = {}
    first_lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if key_node.id != "scalar" or key_node.tag != f"{_TAG}str":
            kind = key_node.tag.removeprefix(_TAG)
            words = f"`{key_node.value}` reads as {kind}" if key_node.id == "scalar" else "is a list or a mapping"
            refuse(f"a key has to be a text, and {words}; put it in quotes", origin=origin, line=line, path=path)
        key = key_node.value
        if key in content:
            words = f"is there twice, first on line {first_lines[key]}"
            refuse(words, origin=origin, line=line, path=_join(path, key))
        first_lines[key] = line
        content[key] = _from_node(loader, value_node, origin, _join(path, key), line)
    return content


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
