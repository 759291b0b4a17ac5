"""What every test shares: an Airflow that is nobody's, and no telemetry."""

import os
import shutil
import tempfile

import pytest

collect_ignore = ["services"]  # of an environment without Airflow: `make test` runs them in .venv-services

# What the caller has set up for a real account, a real Airflow or a real channel is none of a test's business.
for _name in [name for name in os.environ if name.startswith(("AI_FINOPS_", "AIRFLOW_", "AWS_", "DBT_", "SLACK_"))]:
    del os.environ[_name]
# Airflow reads these when it is first imported, so they are set before any test module is.
_AIRFLOW_HOME = tempfile.mkdtemp(prefix="ai-finops-airflow-")
os.environ.update(
    {
        "AIRFLOW_HOME": _AIRFLOW_HOME,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_AIRFLOW_HOME}/airflow.db",
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "False",
    }
)


def pytest_unconfigure() -> None:
    """Remove the home; workers of pytest-xdist end without atexit."""
    shutil.rmtree(_AIRFLOW_HOME, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the end-to-end run first: it takes longest, and the second worker runs others meanwhile."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/e2e/"))
