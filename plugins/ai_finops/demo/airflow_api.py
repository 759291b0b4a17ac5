"""The few calls to Airflow's REST API that drive the demo: trigger, backfill a partition, wait, list."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import httpx

from ai_finops.errors import BuildError

_FINISHED = ("success", "failed")
_BUSY_ATTEMPTS = 30


def _is_busy(response: httpx.Response) -> bool:
    """Return whether SQLite was locked by another process: the answer's transaction wrote nothing, so asking again is safe."""
    return response.status_code == httpx.codes.INTERNAL_SERVER_ERROR and "Database error" in response.text


class ApiUnreachable(BuildError):
    """The API server did not answer, as while it starts."""


@dataclass(slots=True)
class AirflowApi:
    """A signed-in client of one Airflow.

    Raises `BuildError` everywhere: with the run and the red tasks when a run failed, with Airflow's own words when a call was
    refused.
    """

    base_url: str
    user: str | None = None
    password: str | None = None
    check_alive: Callable[[], None] = lambda: None
    """Called while waiting; raises when a process that is waited for has died."""
    busy_seconds: float = 1.0
    """Between two attempts while the metadata database is locked."""
    _client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self._client = httpx.Client(base_url=self.base_url, timeout=60.0, trust_env=False)

    def wait_until_ready(self, dag_ids: Iterable[str], *, timeout_seconds: float) -> None:
        """Wait until the API answers, the scheduler beats and every DAG has been read."""
        deadline, missing = time.monotonic() + timeout_seconds, set(dag_ids)
        while missing:
            self.check_alive()
            if time.monotonic() > deadline:
                raise BuildError(f"Airflow did not read {', '.join(sorted(missing))} within {timeout_seconds:.0f} s")
            try:
                self._sign_in()
                self._raise_import_errors()
                known = {row["dag_id"] for row in self.get("/api/v2/dags", limit=100)["dags"]}
                missing -= known
            except ApiUnreachable:
                pass
            if missing:
                time.sleep(0.5)

    def trigger(self, dag_id: str, *, conf: dict[str, Any]) -> str:
        """Start a run by hand; return its run id."""
        return self.post(f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"]

    def backfill_day(self, dag_id: str, day: date) -> None:
        """Run one daily partition through Airflow's own partition-date backfill."""
        self.backfill(dag_id, first=day, last=day)

    def backfill(self, dag_id: str, *, first: date, last: date) -> None:
        """Run the daily partitions of a range, both ends included, one after the other, through Airflow's own backfill."""
        window = {"from_date": f"{first}T00:00:00Z", "to_date": f"{last}T23:59:59Z"}
        self.post("/api/v2/backfills", {"dag_id": dag_id, **window, "max_active_runs": 1})

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler start runs of the DAG."""
        self._checked(self._answer("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False}))

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Return the DAG's runs, newest first."""
        return self.get(f"/api/v2/dags/{dag_id}/dagRuns", limit=100, order_by="-id")["dag_runs"]

    def wait_for_run(
        self,
        dag_id: str,
        is_wanted: Callable[[dict[str, Any]], bool],
        *,
        timeout_seconds: float,
        on_task: Callable[[str, float], None] = lambda task_id, seconds: None,
    ) -> dict[str, Any]:
        """Wait until a run for which `is_wanted` holds has succeeded; report each task as it finishes."""
        deadline, seen = time.monotonic() + timeout_seconds, set()
        while time.monotonic() < deadline:
            self.check_alive()
            run = next((run for run in self.runs(dag_id) if is_wanted(run)), None)
            if run is not None:
                self._report_tasks(dag_id, run["dag_run_id"], seen, on_task)
                if run["state"] == "success":
                    return run
                if run["state"] == "failed":
                    raise BuildError(self._failure(dag_id, run))
            time.sleep(0.5)
        raise BuildError(f"no run of {dag_id} succeeded within {timeout_seconds:.0f} s; its logs say how far it got")

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the task instances of a run, of at most 100."""
        return self.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances", limit=100)["task_instances"]

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """GET and decode."""
        return self._checked(self._answer("GET", path, params=query))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST and decode."""
        return self._checked(self._answer("POST", path, json=body))

    def _sign_in(self) -> None:
        if "Authorization" in self._client.headers:
            return
        if self.user is None:
            response = self._answer("GET", "/auth/token")
        else:
            response = self._answer("POST", "/auth/token", json={"username": self.user, "password": self.password})
        self._client.headers["Authorization"] = f"Bearer {self._checked(response)['access_token']}"

    def _raise_import_errors(self) -> None:
        for row in self.get("/api/v2/importErrors", limit=1)["import_errors"]:
            raise BuildError(f"Airflow cannot read {row['filename']}: {row['stack_trace'].strip().splitlines()[-1]}")

    def _report_tasks(self, dag_id: str, run_id: str, seen: set, on_task: Callable[[str, float], None]) -> None:
        for row in self.tasks(dag_id, run_id):
            if row["state"] in _FINISHED and row["task_id"] not in seen:
                seen.add(row["task_id"])
                on_task(row["task_id"], row["duration"] or 0.0)

    def _failure(self, dag_id: str, run: dict[str, Any]) -> str:
        red = [row for row in self.tasks(dag_id, run["dag_run_id"]) if row["state"] == "failed"]
        told = "; ".join(f"{row['task_id']}: {self._last_error(dag_id, row)}" for row in red) or "no task of it failed"
        return f"run {run['dag_run_id']} of {dag_id} failed: {told}"

    def _last_error(self, dag_id: str, row: dict[str, Any]) -> str:
        path = (
            f"/api/v2/dags/{dag_id}/dagRuns/{row['dag_run_id']}/taskInstances/{row['task_id']}/logs/{row['try_number']}"
        )
        try:
            lines = self.get(path)["content"]
        except BuildError:
            return "its log could not be read"
        causes = [cause for line in lines if isinstance(line, dict) for cause in line.get("error_detail") or []]
        return causes[-1]["exc_value"] if causes else "its log says why"

    def _answer(self, method: str, path: str, **content: Any) -> httpx.Response:
        for _ in range(_BUSY_ATTEMPTS - 1):
            response = self._request(method, path, **content)
            if not _is_busy(response):
                return response
            time.sleep(self.busy_seconds)
        return self._request(method, path, **content)

    def _request(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **content)
        except httpx.TransportError as error:
            self.check_alive()  # a process that has ended explains more
            raise ApiUnreachable(
                f"Airflow's API at {self.base_url} did not answer {path} ({error}); read its log"
            ) from error

    @staticmethod
    def _checked(response: httpx.Response) -> dict[str, Any]:
        if response.is_error:
            raise BuildError(
                f"Airflow refused {response.request.url.path}: {response.status_code} {response.text[:300]}"
            )
        return response.json()
