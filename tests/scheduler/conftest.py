"""A PostgreSQL server and the small sample for all scenarios; each scenario has its own Airflow."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from ai_finops.config import REPOSITORY
from tests.publish.postgres_cluster import cluster
from tests.scheduler.airflow_stack import running_airflow
from tests.scheduler.small_sample import load_small_sample


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server for the metadata databases."""
    with cluster() as started:
        yield started


@pytest.fixture(scope="session")
def small_sample():
    """The sample's fortnight, a twentieth of its traces."""
    return load_small_sample()


@pytest.fixture(scope="session")
def quick_project(tmp_path_factory):
    """The dbt project without its 800 data tests, which take most of a small build; the models and the audit are whole."""
    project = tmp_path_factory.mktemp("project") / "dbt_project"
    shutil.copytree(REPOSITORY / "dbt_project", project, ignore=shutil.ignore_patterns("target", "logs"))
    settings = project / "dbt_project.yml"
    text = settings.read_text()
    assert text.count("\ndata_tests:\n  ai_finops:\n") == 1
    settings.write_text(text.replace("data_tests:\n  ai_finops:\n", "data_tests:\n  ai_finops:\n    +enabled: false\n"))
    environment = os.environ | {"AI_FINOPS_DBT_PROJECT": str(project)}
    subprocess.run([sys.executable, "-m", "ai_finops.build.parse_process"], env=environment, check=True)
    return project


@pytest.fixture(scope="session")
def start_airflow(postgres, small_sample, quick_project, tmp_path_factory):
    """Return a context manager that starts an Airflow with its surroundings; what goes to it is `running_airflow`'s.

    All stories draw the same pseudonyms for users, those of the first, so that their marts can be compared. What a story took
    is printed: by the clock, which holds on an idle machine alone, and of Airflow's CPU time.
    """

    users = tmp_path_factory.mktemp("users") / "privacy"

    @contextmanager
    def start(name, **more):
        more, began = {"dbt_project": quick_project} | more, time.monotonic()
        with running_airflow(
            tmp_path_factory.mktemp(name) / name, cluster=postgres, database=name, sample=small_sample, **more
        ) as stack:
            if users.exists():
                shutil.copytree(users, stack.settings.home / "privacy")
            yield stack
            if not users.exists():
                shutil.copytree(stack.settings.home / "privacy", users)
            seconds, cpu_seconds, load = time.monotonic() - began, stack.cpu_seconds().total(), os.getloadavg()[0]
            print(f"\nstory {name}: {seconds:.0f} s, {cpu_seconds:.0f} CPU s of Airflow's processes, load {load:.1f}")

    return start
