"""docs/architecture.md names everything there is: a part that came along is told of, or this fails."""

import re
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


def test_decisions_that_are_named_are_written():
    """In code and in pages; a number is a file, and one file alone."""
    written = {path.name for path in (REPOSITORY / "docs" / "decisions").glob("*.md")}
    assert len({name[:4] for name in written}) == len(written)
    folders = ("dags", "plugins/ai_finops", "tests", "docs", "dbt_project/models", "dbt_project/macros")
    texts = [
        path.read_text()
        for folder in folders
        for path in (REPOSITORY / folder).rglob("*")
        if path.suffix in (".py", ".md", ".sql", ".yml") and path.is_file()
    ]
    named = {name for text in texts for name in re.findall(r"\bdecisions/(\d{4}-[a-z0-9-]+\.md)", text)}
    assert len(named) > 20
    assert named <= written
