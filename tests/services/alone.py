"""Import everything a service imports, with the base install alone: run as a script by test_alone.py.

Refused is every module that is neither of the standard library nor of what `ai-finops` itself requires, though installed.
Prints the name of each module that was imported.
"""

import importlib
import importlib.metadata
import importlib.util
import pkgutil
import sys

PACKAGES = ("ai_finops.instrument", "ai_finops.router")
NEED_AN_EXTRA = {
    "ai_finops.instrument.feature_processor": "otel: it is a span processor of the SDK",
    "ai_finops.instrument.pytest_plugin": "pytest: it is a fixture",
}
"""Modules that do not import with the base; what imports them does so when it is asked for them."""


def _distributions_of(name: str) -> set[str]:
    """The distribution and all that it requires without extras, as their names are compared."""
    from packaging.requirements import Requirement

    found, waiting = set(), [name]
    while waiting:
        each = waiting.pop()
        if each in found:
            continue
        found.add(each)
        for line in importlib.metadata.requires(each) or ():
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                waiting.append(wanted.name.lower().replace("_", "-"))
    return found


class Refusing:
    """A finder that stands before all others and knows no module that the base does not bring."""

    def __init__(self) -> None:
        allowed = _distributions_of("ai-finops")
        tops = importlib.metadata.packages_distributions()
        self._allowed = {
            top for top, names in tops.items() if {name.lower().replace("_", "-") for name in names} & allowed
        }

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        top = name.partition(".")[0]
        is_standard = top in sys.stdlib_module_names or top.startswith("_sysconfigdata")
        if not is_standard and top not in self._allowed | {"ai_finops"}:
            raise ModuleNotFoundError(f"No module named {name!r} (not of the base)", name=name)
        if top != name and top == "opentelemetry" and not name.startswith(_OF_THE_API):
            raise ModuleNotFoundError(f"No module named {name!r} (not of the base)", name=name)


# The namespace is shared by the API, the SDK and the exporters; `propagat` is of two packages, `_` of private ones.
_PARTS_OF_THE_API = (
    "_",
    "attributes",
    "baggage",
    "context",
    "environment",
    "metrics",
    "propagat",
    "trace",
    "util",
    "version",
)
_OF_THE_API = tuple(f"opentelemetry.{part}" for part in _PARTS_OF_THE_API)


def main() -> None:
    finder = Refusing()
    for name in [name for name in sys.modules if name.partition(".")[0] in ("packaging", "opentelemetry")]:
        del sys.modules[name]
    sys.meta_path.insert(0, finder)
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            continue
        module = importlib.import_module(package)
        print(package)
        for found in pkgutil.walk_packages(module.__path__, f"{package}."):
            try:
                importlib.import_module(found.name)
            except ModuleNotFoundError as error:
                if found.name not in NEED_AN_EXTRA or "not of the base" not in str(error):
                    raise
            else:
                print(found.name)


if __name__ == "__main__":
    main()
