"""Inside the room: bring up what can be brought up of docker-compose.yaml, use it, look at it, and write down what was seen.

    unshare … python -m tests.compose.inside FOLDER IMAGE

FOLDER gets `seen.json`, and a log of each service below `logs/`. tests/compose/test_processes.py starts it and says what must
be.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from ai_finops.demo.airflow_api import AirflowApi
from ai_finops.demo.run import DAG_IDS
from ai_finops.deploy.env_file import env_text
from tests.compose import dashboards, otlp_stand_in
from tests.compose.compose_file import env_of, repository_path, services
from tests.compose.little_compose import LittleCompose
from tests.compose.room import USERS, Room

AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer", "worker")
PROMETHEUS = "http://127.0.0.1:9090"


def main(folder: Path, image: Path) -> None:
    seen: dict[str, Any] = {}
    env = env_of(env_text("demo"))
    room = room_for(folder, image=image)
    compose = LittleCompose(services(env), room=room, logs=folder / "logs")
    try:
        otlp_stand_in.start()
        bring_up(compose)
        use(compose, env, seen)
        look(compose, seen)
        seen["failed"] = None
    except Exception:  # noqa: BLE001 - whatever it was, the test that reads the file tells it
        seen["failed"] = traceback.format_exc()
    finally:
        seen["healthy_after_seconds"] = compose.healthy_after
        (folder / "seen.json").write_text(json.dumps(seen, indent=1))
        compose.down()


def room_for(folder: Path, *, image: Path) -> Room:
    room = Room(folder, image=image)
    room.volume(folder / "postgres", "/var/lib/postgresql/data", user=USERS["postgres"])
    room.volume(folder / "postgres-run", "/run/postgresql", user=USERS["postgres"])
    room.volume(folder / "redis", "/data", user=USERS["postgres"])
    room.volume(folder / "prometheus", "/prometheus", user=USERS["nobody"])
    room.show(image / "alarms", "/alarms")
    (folder / "etc-prometheus").mkdir()
    room.show(folder / "etc-prometheus", "/etc/prometheus")
    for name in ("prometheus.yaml", "prometheus_rules.yaml"):
        (folder / "etc-prometheus" / name).write_bytes(repository_path(f"plugins/ai_finops/deploy/{name}").read_bytes())
    room.close()
    return room


def make_database(compose: LittleCompose) -> None:
    """What the image of PostgreSQL does before its command: a cluster with the user, the password and the database."""
    env = compose.services["postgres"]["environment"]
    password = compose.room.root / "tmp" / "password"
    password.write_text(env["POSTGRES_PASSWORD"])
    password.chmod(0o644)
    words = [
        *("initdb", "--pgdata=/var/lib/postgresql/data", f"--username={env['POSTGRES_USER']}"),
        "--pwfile=/tmp/password",
    ]
    compose.run("postgres", [*words, *env["POSTGRES_INITDB_ARGS"].split()])
    single = ["sh", "-c", f"echo 'create database {env['POSTGRES_DB']}' | postgres --single postgres"]
    compose.run("postgres", single)


def bring_up(compose: LittleCompose) -> None:
    postgres = compose.services["postgres"]
    postgres["environment"] = {**postgres["environment"], "PGDATA": "/var/lib/postgresql/data"}
    make_database(compose)
    for name in ("local-aws", "airflow-init"):
        compose.up(name)
    for part in AIRFLOW:
        compose.start(f"airflow-{part}")
    for part in AIRFLOW:
        compose.wait(f"airflow-{part}", timeout_seconds=300)
    compose.up("demo-data")


def use(compose: LittleCompose, env: dict[str, str], seen: dict[str, Any]) -> None:
    """Let the cluster land and build the sample's days, as a person who signs in would."""
    api = AirflowApi("http://127.0.0.1:8080", "admin", env["AIRFLOW_ADMIN_PASSWORD"], lambda: None)
    api.wait_until_ready(DAG_IDS, timeout_seconds=300)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    for dag_id in ("load_history", "build_marts"):
        api.unpause(dag_id)
    first = yesterday - timedelta(days=13)
    started = time.monotonic()
    run_id = api.trigger("load_history", conf={"first_day": str(first), "last_day": str(yesterday)})
    api.wait_for_run("load_history", lambda run: run["dag_run_id"] == run_id, timeout_seconds=1200)
    seen["load_history_seconds"] = round(time.monotonic() - started, 1)
    # Its build was published; the alarms are brought in step by the DAG of the day alone.
    run_id = api.trigger("build_marts", conf={"day": str(yesterday)})
    api.wait_for_run("build_marts", lambda run: run["dag_run_id"] == run_id, timeout_seconds=900)
    seen["tasks"] = {
        dag_id: {
            task["task_id"]: task["state"] for run in api.runs(dag_id) for task in api.tasks(dag_id, run["dag_run_id"])
        }
        for dag_id in ("load_history", "build_marts")
    }
    seen["sign_in_without_password"] = sign_in("admin", "admin")
    seen["files"] = sorted(path.name for path in (compose.room.root / "opt/ai-finops/alarms").iterdir())


def sign_in(user: str, password: str) -> int:
    """Status that Airflow answers to a sign-in."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        given = {"username": user, "password": password}
        return client.post("http://127.0.0.1:8080/auth/token", json=given).status_code


def look(compose: LittleCompose, seen: dict[str, Any]) -> None:
    """Start what is seen on Grafana's pages, and ask what its panels ask."""
    for name in ("node-exporter", "prometheus"):
        compose.up(name)
    time.sleep(75)  # two scrapes, and what Airflow's processes send every minute
    with httpx.Client(base_url=PROMETHEUS, trust_env=False, timeout=30) as client:
        seen["queries"] = {expr: ask(client, expr) for expr in dashboards.expressions()}
        seen["rules"] = client.get("/api/v1/rules").json()["data"]["groups"]
        seen["targets"] = [
            {"job": each["labels"]["job"], "health": each["health"], "error": each["lastError"]}
            for each in client.get("/api/v1/targets").json()["data"]["activeTargets"]
        ]
        seen["checks"] = {name: compose.check(name) for name in compose.healthy_after if not disabled(compose, name)}
        seen["metrics"] = client.get("/api/v1/label/__name__/values").json()["data"]


def disabled(compose: LittleCompose, name: str) -> bool:
    return bool(compose.services[name]["healthcheck"].get("disable"))


def ask(client: httpx.Client, expr: str) -> dict[str, Any]:
    answer = client.get("/api/v1/query", params={"query": expr}).json()
    return {
        "status": answer["status"],
        "error": answer.get("error"),
        "count": len(answer.get("data", {}).get("result", [])),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
