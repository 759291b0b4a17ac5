"""The product side imports without the pipeline, and without any extra."""

import importlib
import importlib.util
import pkgutil
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ALONE = Path(__file__).parent / "alone.py"
NEED_AN_EXTRA = runpy.run_path(str(ALONE))["NEED_AN_EXTRA"]
PACKAGES = [name for name in ("ai_finops.instrument", "ai_finops.router") if importlib.util.find_spec(name)]


def _modules(package: str) -> list[str]:
    path = importlib.import_module(package).__path__
    return [package, *(found.name for found in pkgutil.walk_packages(path, f"{package}."))]


@pytest.mark.parametrize("name", ["airflow", "dbt", "duckdb", "great_expectations", "pandas", "pyarrow"])
def test_pipeline_is_not_installed(name):
    assert importlib.util.find_spec(name) is None


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_imports(package):
    for name in _modules(package):
        importlib.import_module(name)


def test_base_install_alone_imports_every_module():
    done = subprocess.run([sys.executable, ALONE], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr[-2000:]
    modules = [name for package in PACKAGES for name in _modules(package)]
    assert done.stdout.split() == [name for name in modules if name not in NEED_AN_EXTRA]


@pytest.mark.parametrize("name", ["opentelemetry.sdk.trace", "boto3", "yaml", "numpy"])
def test_refusing_finder_refuses_what_the_base_does_not_bring(name):
    """Else the test above could not fail."""
    asked = f"import sys; sys.path.insert(0, {str(ALONE.parent)!r}); import alone; sys.meta_path.insert(0, alone.Refusing())"

    done = subprocess.run([sys.executable, "-c", f"{asked}; import {name}"], capture_output=True, text=True, timeout=60)

    assert "not of the base" in done.stderr
