"""The Dockerfile: what it copies is there and not ignored, and no stage ends as root."""

import fnmatch
import re

from ai_finops.config import REPOSITORY
from tests.compose.compose_file import services
from tests.compose.room import COPIED, USERS

LINES = re.sub(r"\\\n", " ", (REPOSITORY / "Dockerfile").read_text()).splitlines()


def stages():
    """Instructions by the name of their stage."""
    found, name = {}, ""
    for line in LINES:
        if line.startswith("FROM "):
            name = line.split(" AS ")[1]
            found[name] = []
        elif line and not line.startswith("#"):
            found[name].append(line)
    return found


def copied(stage):
    """Sources of the COPYs from the repository."""
    words = [line.split()[1:-1] for line in stages()[stage] if line.startswith("COPY ") and "--from" not in line]
    return [source for sources in words for source in sources]


def test_each_image_of_the_compose_file_has_its_stage():
    targets = {service["build"]["target"] for service in services().values() if "build" in service}
    assert targets == set(stages()) - {"otelcol"}


def test_no_image_ends_as_root_and_its_user_is_that_of_the_service():
    for service in services().values():
        if "build" in service:
            last = [line for line in stages()[service["build"]["target"]] if line.startswith("USER ")][-1]
            assert last == f"USER {service['user']}"
    assert services()["airflow-worker"]["user"] == f"{USERS['airflow']}:{USERS['airflow']}"


def test_what_is_copied_is_there_and_sent_to_the_builder():
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    allowed = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    for stage in ("pipeline", "collector"):
        for source in copied(stage):
            assert (REPOSITORY / source).exists(), source
            assert any(source == each or source.startswith(f"{each}/") for each in allowed), source


def test_no_secret_is_sent_to_the_builder():
    ignored = [line for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if not line.startswith("!")]
    for path in (".env", "plugins/.env", "dbt_project/.env.old"):
        assert any(fnmatch.fnmatch(path, pattern.replace("**/", "*")) for pattern in ignored), path


def test_the_tests_copy_what_the_image_copies():
    assert tuple(copied("pipeline")) == COPIED


def test_packages_are_installed_by_hash():
    installs = [line for line in stages()["pipeline"] if "pip install" in line]
    assert any("--require-hashes -r requirements.txt" in line for line in installs)
    assert all("--no-deps" in line and "--no-cache-dir" in line for line in installs)


def test_volumes_begin_with_folders_that_their_users_own():
    """A named volume takes owner and rights of the image's folder."""
    text = "\n".join(LINES)
    assert "mkdir -p var alarms && chown airflow:airflow var alarms" in text
    assert f"chown {services()['otel-collector']['user']} /var/lib/otelcol" in text
