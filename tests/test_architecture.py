"""docs/architecture.md names everything there is: a part that came along is told of, or this fails."""

from pathlib import Path

import pytest

from ai_finops.config import REPOSITORY

PAGE = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGE = REPOSITORY / "plugins" / "ai_finops"


def parts() -> list[str]:
    """Folders of the package, as the page lists them."""
    return sorted(f"{folder.parent.name}/" for folder in PACKAGE.glob("*/__init__.py"))


@pytest.mark.parametrize("folder", parts())
def test_each_folder_of_the_package_is_listed(folder):
    listed = [word for line in PAGE.splitlines() if line.startswith("    ") for word in line.split()]
    assert folder in listed


@pytest.mark.parametrize("dag", sorted(path.stem for path in (REPOSITORY / "dags").glob("*.py")))
def test_each_dag_is_named(dag):
    assert dag in PAGE or (dag.startswith("extract_") and "extract_*.py" in PAGE)


def test_pages_that_it_leads_to_are_there():
    names = [part.split(")")[0].split("#")[0] for part in PAGE.split("](")[1:]]
    assert len(names) > 30
    assert [name for name in names if not (Path(REPOSITORY, "docs", name)).exists()] == []
