"""docker-compose.yaml: valid for the specification and for docker-compose, pinned, closed to others, without a secret."""

import inspect
import json
import re
import shutil
import subprocess
from dataclasses import fields

import pytest
import yaml
from jsonschema import Draft7Validator

from ai_finops.config import REPOSITORY, Settings
from ai_finops.deploy.env_file import KINDS, SECRETS, env_text
from tests.compose.compose_file import FILE, Missing, env_of, filled, raw, repository_path, services, variables

SERVICES = sorted(services())
ONCE = ("airflow-init", "demo-data")
"""Services that end."""
AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer", "worker")
ENV = env_of(env_text("demo"))


def schema_errors(content):
    schema = json.loads((REPOSITORY / "tests/fixtures/compose_spec/compose-spec.json").read_text())
    return [
        f"{'/'.join(map(str, error.path))}: {error.message}" for error in Draft7Validator(schema).iter_errors(content)
    ]


def docker_compose(*words, env_file):
    program = shutil.which("docker-compose")
    if not program:
        pytest.skip("docker-compose is not installed (Debian: docker-compose)")
    command = [program, "--project-directory", str(REPOSITORY), "-f", str(FILE), "--env-file", str(env_file), *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={"PATH": "/usr/bin:/bin"}, check=False
    )


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_valid_for_the_specification(kind):
    assert schema_errors(raw()) == []
    assert schema_errors(filled(env_of(env_text(kind)))) == []


def test_the_schema_refuses_what_is_no_compose_file():
    assert schema_errors({"services": {"a": {"imagee": "b:1"}}}) != []


@pytest.mark.parametrize("kind", KINDS)
def test_docker_compose_takes_it_and_sees_what_the_tests_see(kind, tmp_path):
    (tmp_path / "env").write_text(env_text(kind))
    done = docker_compose("config", env_file=tmp_path / "env")
    assert done.returncode == 0, done.stderr
    seen, read = yaml.safe_load(done.stdout), filled(env_of((tmp_path / "env").read_text()))
    # docker-compose leaves out services of profiles that are off.
    assert {"postgres", "airflow-worker", "otel-collector"} <= set(seen["services"])
    for name, service in seen["services"].items():
        assert unescaped(service.get("command")) == read["services"][name].get("command"), name
        assert service.get("environment", {}) == read["services"][name].get("environment", {}), name


def unescaped(command):
    """docker-compose prints what it would read again."""
    return command and [word.replace("$$", "$") for word in command]


def test_docker_compose_says_clearly_which_secret_is_missing(tmp_path):
    (tmp_path / "env").write_text(re.sub(r"^REDIS_PASSWORD=.*$", "", env_text("account"), flags=re.MULTILINE))
    done = docker_compose("config", env_file=tmp_path / "env")
    assert done.returncode != 0
    assert done.stderr.strip().endswith("REDIS_PASSWORD is missing; run make env")


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_may_be_missing(secret):
    env = env_of(env_text("account"))
    del env[secret]
    with pytest.raises(Missing, match=f"^{secret} is missing; run make env$"):
        filled(env)


def test_profiles_are_those_of_the_file_that_make_env_writes():
    by_profile = {name: service.get("profiles", ["always"]) for name, service in services().items()}
    assert {name for name, profiles in by_profile.items() if profiles == ["always"]} == {
        *("postgres", "redis", "airflow-init", "otel-collector"),
        *(f"airflow-{part}" for part in AIRFLOW),
    }
    assert {name for name, profiles in by_profile.items() if profiles == ["demo"]} == {"local-aws", "demo-data"}
    assert {name for name, profiles in by_profile.items() if profiles == ["monitoring"]} == {
        *("node-exporter", "prometheus", "grafana"),
    }
    assert ENV["COMPOSE_PROFILES"] == "demo"
    assert "COMPOSE_PROFILES" not in env_of(env_text("account"))


@pytest.mark.parametrize("name", SERVICES)
def test_each_image_has_an_exact_version(name):
    image = services()[name]["image"]
    assert re.fullmatch(r"[a-z0-9./-]+:v?[0-9]+\.[0-9]+(\.[0-9]+)?(-[a-z0-9]+)?", image), image


def test_so_have_the_images_that_the_dockerfile_begins_with():
    bases = re.findall(r"^FROM (\S+)", (REPOSITORY / "Dockerfile").read_text(), flags=re.MULTILINE)
    assert len(bases) == 3
    for base in bases:
        assert re.fullmatch(r"[a-z0-9./-]+:[0-9]+\.[0-9]+\.[0-9]+(-[a-z-]+)?", base), base


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_alone(name):
    for port in services().get(name).get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:[0-9]+:[0-9]+", port), port


def test_published_ports_are_those_that_the_file_names():
    published = {port.split(":")[1] for service in services().values() for port in service.get("ports", [])}
    assert published == {"8080", "4317", "4318", "9090", "3000"}
    assert all(re.search(rf"\b{port}\b", FILE.read_text().split("x-once")[0]) for port in published)


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_shut_in(name):
    service = services()[name]
    uid = service["user"].split(":")[0]
    assert uid.isdecimal() and int(uid) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service and "network_mode" not in service and "pid" not in service
    assert service["pids_limit"] and service["mem_limit"]
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_says_how_it_is_and_comes_back(name):
    service = services()[name]
    if name in ONCE:
        assert service["healthcheck"] == {"disable": True} and service["restart"] == "no"
        return
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL") and len(service["healthcheck"]["test"]) > 1
    assert {"interval", "timeout", "retries"} <= set(service["healthcheck"])
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_waits_for_can_come(name):
    """A service of a profile that may be off cannot be waited for, nor the health of one that says nothing."""
    for other, how in services()[name].get("depends_on", {}).items():
        service = services()[other]
        assert service.get("profiles", []) in ([], services()[name].get("profiles", []))
        wanted = "service_completed_successfully" if other in ONCE else "service_healthy"
        assert how == {"condition": wanted}


def test_state_is_in_named_volumes_and_configuration_in_this_repository():
    for name, service in services().items():
        for mount in service.get("volumes", []):
            if mount.startswith("./"):
                assert mount.endswith(":ro") and repository_path(mount).exists(), mount
            else:
                assert mount.split(":")[0] in raw()["volumes"], (name, mount)
    used = {mount.split(":")[0] for service in services().values() for mount in service.get("volumes", [])}
    assert set(raw()["volumes"]) <= used


def test_postgres_and_redis_are_reached_by_airflow_alone():
    assert raw()["networks"]["state"] == {"internal": True}
    inside = {name for name, service in services().items() if "state" in service.get("networks", ["default"])}
    assert inside == {"postgres", "redis", "airflow-init", *(f"airflow-{part}" for part in AIRFLOW)}
    for name in ("postgres", "redis"):
        assert services()[name]["networks"] == ["state"] and "ports" not in services()[name]


def test_no_secret_stands_in_the_file():
    """Whatever is called a secret comes from a variable that has no default."""
    secret = re.compile(r"PASSWORD|SECRET|FERNET|TOKEN|ACCESS_KEY|CONN\b|CONN_ASYNC|BROKER_URL|RESULT_BACKEND")
    seen = set()
    for name, service in services().items():
        for key, value in service.get("environment", {}).items():
            if not secret.search(key) or key.endswith("PASSWORDS_FILE"):
                continue
            found = variables(value)
            assert found, f"{name}: {key}"
            assert all(word == "" for _, how, word in found if how == ":-"), f"{name}: {key}"
            seen |= {each for each, *_ in found}
    assert set(SECRETS) <= seen
    assert not re.search(r"://[^$@\s]+:[^$@\s]+@", FILE.read_text())


def test_each_secret_is_asked_for_with_what_to_do():
    asked = {name: word for name, how, word in variables(raw()) if how == ":?"}
    assert asked == {name: f"{name} is missing; run make env" for name in SECRETS}


def test_each_setting_of_the_deployment_is_passed_on():
    """Those of Settings, and what else the pipeline reads by name."""
    wanted = set(re.findall(r'(?:read\(|read, |_\w+\(|\b)"([A-Z][A-Z_0-9]+)"', inspect.getsource(Settings.from_env)))
    wanted = {f"AI_FINOPS_{name}" for name in wanted if not name.startswith("AWS_")}
    assert len(wanted) >= len(fields(Settings)) - 1  # aws_region has AWS's own name
    passed = {key for key in services()["airflow-worker"]["environment"] if key.startswith("AI_FINOPS_")}
    assert passed == wanted | {"AI_FINOPS_LAST_DAY"}


def test_each_setting_can_be_given_in_the_env_file_by_its_own_name():
    fixed = {"AI_FINOPS_HOME", "AI_FINOPS_DBT_PROJECT", "AI_FINOPS_PROMETHEUS_TEXTFILE", "AI_FINOPS_PROMETHEUS_RULES"}
    for key, value in services()["airflow-worker"]["environment"].items():
        if key.startswith(("AI_FINOPS_", "AWS_")) and key not in fixed:
            assert [name for name, *_ in variables(value)] == [key], key


def test_the_settings_are_those_that_the_code_takes():
    """With nothing given, a service's settings are the defaults of the code, but for what this file is about."""
    env = services(env_of(env_text("account")))["airflow-worker"]["environment"]
    given = Settings.from_env(env)
    default = Settings.from_env(
        {"AI_FINOPS_HOME": env["AI_FINOPS_HOME"], "AI_FINOPS_DBT_PROJECT": "/opt/ai-finops/dbt_project"}
    )
    differs = {field.name for field in fields(Settings) if getattr(given, field.name) != getattr(default, field.name)}
    assert differs == {"alarms", "prometheus_textfile", "prometheus_rules"}


def test_airflow_knows_each_of_its_variables():
    from airflow.configuration import conf

    known = {section: set(content["options"]) for section, content in conf.configuration_description.items()}
    named = [key for key in services()["airflow-worker"]["environment"] if key.startswith("AIRFLOW__")]
    assert len(named) > 15
    unknown = [key for key in named if key.split("__")[2].lower() not in known.get(key.split("__")[1].lower(), set())]
    assert unknown == []


def test_all_of_airflow_says_the_same():
    environments = [services()[f"airflow-{part}"]["environment"] for part in AIRFLOW]
    assert all(each == environments[0] for each in environments)
