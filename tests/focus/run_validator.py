"""Run the FOCUS validator on one file and print what each rule found, as JSON; started with the validator's own Python.

    python run_validator.py <file> <version> <criterion,criterion,…>

prints `{"<rule id>": {"outcome": "passed" | "failed" | "skipped", "violations": n, "message": "…"}}`.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import os
import sys
from pathlib import Path

_MODULE = "focus_validator.config_objects.focus_to_duckdb_converter"
_NEWER_SYNTAX = """f"'{k.replace('\\"', '\\"\\"')}'\""""
_SAME_IN_ALL = """"'" + k.replace('"', '""') + "'\""""


class _OlderSyntax(importlib.machinery.SourceFileLoader):
    """Reads the one line of the validator that only Python 3.12 can read (an f-string with a backslash) as 3.11 can."""

    def source_to_code(self, data, path, *, _optimize=-1):  # type: ignore[override]
        source = bytes(data).decode()
        if source.count(_NEWER_SYNTAX) != 1:
            raise ImportError(f"{path} has changed; see whether Python 3.11 can read it now")
        return super().source_to_code(source.replace(_NEWER_SYNTAX, _SAME_IN_ALL).encode(), path)

    def get_code(self, fullname):
        return self.source_to_code(self.get_data(self.get_filename(fullname)), self.get_filename(fullname))


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path=None, target=None):
        if fullname != _MODULE:
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path)
        return importlib.util.spec_from_file_location(
            fullname, found.origin, loader=_OlderSyntax(fullname, found.origin)
        )


def main(file: str, version: str, criteria: str) -> None:
    """Validate `file` and print the outcome by rule."""
    if sys.version_info < (3, 12):
        sys.meta_path.insert(0, _Finder())
    import focus_validator
    from focus_validator.validator import Validator

    path = Path(file).resolve()
    # The list of currencies is opened relative to the folder of the package.
    os.chdir(Path(focus_validator.__file__).parents[1])
    validator = Validator(
        data_filename=str(path),
        output_destination=None,
        output_type="console",
        rules_version=version,
        focus_dataset="CostAndUsage",
        rules_block_remote_download=True,
        applicability_criteria=criteria,
    )
    with contextlib.redirect_stdout(io.StringIO()):
        results = validator.validate()
    print(json.dumps({rule: _outcome(entry) for rule, entry in results.by_rule_id.items()}))


def _outcome(entry: dict) -> dict:
    details = entry.get("details") or {}
    outcome = "skipped" if details.get("skipped") else "passed" if entry["ok"] else "failed"
    return {
        "outcome": outcome,
        "violations": details.get("violations"),
        "message": str(details.get("message") or details.get("reason") or ""),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
