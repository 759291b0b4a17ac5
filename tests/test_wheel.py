"""The wheel that product services install holds what they import, with its data, and asks for no more than the base."""

import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = [name for name in ("instrument", "router", "ui") if (ROOT / "plugins" / "ai_finops" / name).is_dir()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy: setuptools would leave its work in the tree, and take up what an earlier one left."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "plugins", folder / "plugins", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", folder / "dist", folder], check=True, timeout=120)
    (path,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(path) as opened:
        yield opened


@pytest.mark.parametrize("package", PACKAGES)
def test_wheel_holds_every_file_of(wheel, package):
    folder = ROOT / "plugins"
    files = {
        str(path.relative_to(folder))
        for path in (folder / "ai_finops" / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert files <= set(wheel.namelist())
    assert "ai_finops/analyse/embedders/minilm-l6-v2-static-256-int8/model.safetensors" in wheel.namelist()


def test_wheel_asks_for_the_base_alone(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = message_from_bytes(wheel.read(name))

    base = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    assert base == ["opentelemetry-api>=1.43", "genai-prices==0.2.3"]
    assert {"otel", "cloudwatch", "prometheus", "embed", "router"} <= set(metadata.get_all("Provides-Extra"))
