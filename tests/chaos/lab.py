"""Where faults are tried: a deployment of its own with the real parts around it, and its state after each station.

moto's server over HTTP is AWS, a server of the tests is Slack, and every station is a process. A run that nothing disturbs
comes first; its state after each station is kept, and a fault begins by going back to one of them.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ai_finops.build import inputs
from ai_finops.config import Settings
from ai_finops.demo.local_aws import LocalAws, local_aws
from ai_finops.demo.run import clients_for, nobodys_environment
from tests.chaos import account
from tests.chaos.forks import Ended, Stations
from tests.chaos.promises import Undisturbed, check_lake, check_marts, lake_state, lost_rows
from tests.chaos.reader import Reader
from tests.chaos.snapshots import bring_in_step
from tests.report.slack_api import TOKEN, SlackApi

DAY, AS_OF = str(account.DAY), str(account.AS_OF)
STEPS = ("prepare", "phase_1", "analyse", "phase_2", "audit", "publish")


@dataclass(frozen=True, slots=True)
class Case:
    """A fault that was tried, and what came of it."""

    group: str
    name: str
    happened: str
    """What shows that the fault really happened; empty when it did not."""
    faults: tuple[str, ...]
    """Promises that were broken, and what else was wrong."""
    lost: int = 0
    """Rows that were there undisturbed and are not there now."""

    @property
    def is_survived(self) -> bool:
        return bool(self.happened) and not self.faults and not self.lost


@dataclass
class Lab:
    """A deployment at hand."""

    folder: Path
    aws: LocalAws
    settings: Settings
    clients: dict[str, Any]
    stations: Stations
    reader: Reader
    slack: SlackApi
    undisturbed: Undisturbed | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each station took undisturbed."""

    @property
    def home(self) -> Path:
        return self.settings.home

    @property
    def disk(self) -> Path:
        """What holds the home and the temporary files of stations, and nothing else."""
        return self.folder / "disk"

    def run(self, *arguments: str, **named) -> Ended:
        """Run a station to its end."""
        return self.stations.run(*arguments, **named)

    def land(self, source: str, **named) -> Ended:
        """Land the fourth day of a source."""
        return self.run("land", source, "--from", DAY, "--as-of", AS_OF, **named)

    def must(self, *arguments: str, **named) -> Ended:
        """Run a station that has to succeed: nothing disturbs it."""
        ended = self.run(*arguments, **named)
        if ended.code:
            raise RuntimeError(
                f"undisturbed, {' '.join(arguments)} ended with {ended.code}:\n{ended.output}\n{ended.errors}"
            )
        return ended

    def keep(self, name: str) -> None:
        """Keep the state of the deployment under a name."""
        bring_in_step(self.home, self.folder / "states" / name)

    def back_to(self, name: str) -> None:
        """Give the deployment a kept state back, and begin a new case for the reader."""
        with self.reader.looking_away():
            bring_in_step(self.folder / "states" / name, self.home)
        self.reader.forget()

    def finish(self, *, after: str = "") -> list[str]:
        """Run the steps of a build that come after one, each in a process; return what went wrong."""
        for step in STEPS[STEPS.index(after) + 1 if after else 0 :]:
            ended = self.run(step)
            if ended.code:
                return [f"{step}, started again, ended with {ended.code}: {ended.sentence}"]
        return []

    def lake_faults(self, **named) -> list[str]:
        """Check the promises of the lake; a check that cannot read is a broken promise too."""
        return _as_fault(check_lake, self.settings, undisturbed=self.undisturbed, reader=self.reader, **named)

    def mart_faults(self, **named) -> list[str]:
        """Check all ten promises on the published marts."""
        return _as_fault(check_marts, self.settings, undisturbed=self.undisturbed, reader=self.reader, **named)

    def lost(self) -> int:
        """Return how many rows of the lake are not there that should be."""
        return lost_rows(lake_state(self.settings), self.undisturbed.lake)


def _as_fault(check, *given, **named) -> list[str]:
    try:
        return check(*given, **named)
    except Exception as error:  # noqa: BLE001 - what is damaged so that it cannot be checked has not survived
        return [f"could not be checked: {type(error).__name__}: {error}"]


def unnamed(*ended: Ended) -> list[str]:
    """Return a fault for each process that ended by an exception in place of a sentence."""
    return [f"{each.arguments[0]} had no sentence for {each.sentence}" for each in ended if each.is_unnamed]


def spread(count: int, most: int) -> list[int]:
    """Return up to `most` points of 1 to `count`, first and last among them."""
    if count <= most:
        return list(range(1, count + 1))
    return sorted({round(1 + place * (count - 1) / max(most - 1, 1)) for place in range(most)})


@contextmanager
def open_lab(folder: Path | None = None) -> Iterator[Lab]:
    """Start everything, play the undisturbed run, and take all of it down at the end.

    Args:
        folder: Where; what an earlier call left there is gone on with when the code is the same. Default is a temporary
            folder that is removed.
    """
    from tests.chaos.playing import play_or_go_on

    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ai-finops-chaos-")))
        place.mkdir(parents=True, exist_ok=True)
        aws = stack.enter_context(local_aws(log=place / "aws.log"))
        slack = SlackApi()
        stack.callback(slack.stop)
        env = _environment(place, aws=aws, slack=slack)
        settings = Settings.from_env(env)
        clients = clients_for(aws.env(), settings)
        account.make_account(clients, settings)
        shutil.rmtree(place / "processes", ignore_errors=True)
        stations = Stations(place / "processes", environment=env)
        stack.callback(stations.stop)
        reader = Reader(settings.home)
        lab = Lab(place, aws, settings, clients, stations, reader, slack)
        play_or_go_on(lab, env)
        prices = inputs._export_prices(settings)  # most of what a check of the lake takes, and always the same
        stack.enter_context(patch.object(inputs, "_export_prices", lambda _: prices))
        stack.callback(reader.stop)
        reader.start()
        yield lab


def _environment(place: Path, *, aws: LocalAws, slack: SlackApi) -> dict[str, str]:
    disk = place / "disk"
    (disk / "tmp").mkdir(parents=True, exist_ok=True)
    base = {**nobodys_environment(), **aws.env(), **_airflow(place, slack), "TMPDIR": str(disk / "tmp")}
    return account.environment(base, home=disk / "home", project=place / "dbt_project")


def _airflow(place: Path, slack: SlackApi) -> dict[str, str]:
    connection = {"conn_type": "slack", "password": TOKEN, "extra": {"base_url": f"{slack.url}/api/", "timeout": 5}}
    return {
        "AIRFLOW_HOME": str(place / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{place}/airflow.db",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW_CONN_SLACK_DEFAULT": json.dumps(connection),
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "False",
    }


def listed(cases: Iterable[Case]) -> list[Case]:
    """Return cases as a list, each printed as it comes."""
    kept = []
    for case in cases:
        kept.append(case)
        mark = "ok  " if case.is_survived else "FAIL"
        said = "; ".join(case.faults[:3]) or case.happened or "it did not happen"
        print(f"  {mark} {case.group}: {case.name} ({said})", flush=True)
    return kept


def free_bytes(path: Path) -> int:
    """Return how many bytes are free where a path lies."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize
