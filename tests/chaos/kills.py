"""SIGKILL at every station: right before each thing that a process does to the world, or after some time inside dbt and DuckDB.

`landings` goes back before each kill. `builds` does not: the wreckage of one kill is what the next process starts on, as a task
that Airflow tries again. Each ends with the run finished and everything checked.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.chaos.account import SOURCES
from tests.chaos.forks import Ended
from tests.chaos.lab import AS_OF, DAY, STEPS, Case, Lab, spread, unnamed
from tests.chaos.reader import whole_build_faults
from tests.chaos.snapshots import bring_in_step
from tests.chaos.stations import Faults

GROUP = "SIGKILL"


def points_of(lab: Lab, *arguments: str, **environment: str) -> int:
    """Return how many points a station passes when nobody kills it."""
    ended = lab.must(*arguments, watched=str(lab.home), **environment)
    return int(ended.note.split()[0])


def killed_before(lab: Lab, point: int, *arguments: str, **environment: str) -> Ended:
    """Run a station and kill it before its Nth point."""
    return lab.run(*arguments, watched=str(lab.home), faults=Faults(stop_before=point), **environment)


def happened(ended: Ended) -> str:
    """Return what shows that a process was killed; empty when it was not."""
    return f"killed before {ended.note.partition(' ')[2]}" if ended.was_killed and ended.note else ""


def landings(lab: Lab, *, most: int = 14) -> Iterator[Case]:
    """Each source, while it lands the fourth day."""
    for source in SOURCES:
        arguments = ("land", source, "--from", DAY, "--as-of", AS_OF)
        lab.back_to(f"without {source}")
        for point in spread(points_of(lab, *arguments), most):
            lab.back_to(f"without {source}")
            killed = killed_before(lab, point, *arguments)
            again = lab.run(*arguments)
            faults = [f"landed again, it ended with {again.code}: {again.sentence}"] if again.code else []
            faults += lab.lake_faults()
            yield Case(f"{GROUP}, land {source}", f"point {point}", happened(killed), tuple(faults), lab.lost())


def builds(lab: Lab) -> Iterator[Case]:
    """The steps of a build in turn, each tried again on what the kill left; then the rest of the way."""
    lab.back_to("landed")
    cases = [*_each_point(lab, "prepare", most=10)]
    cases += _inside_dbt(lab, "phase_1", ("task", 0.45), ("dbt", 0.6), ("both", 0.25), ("both", 0.9))
    cases += _each_point(lab, "analyse", most=8)
    cases += _inside_dbt(lab, "phase_2", ("task", 0.5), ("dbt", 0.7), ("both", 0.85))
    cases += _each_point(lab, "audit", most=7)
    faults = [*lab.finish(after="audit"), *lab.mart_faults()]
    lost = lab.lost()
    for case in cases:
        yield Case(case.group, case.name, case.happened, (*case.faults, *faults), lost)


def _each_point(lab: Lab, step: str, *, most: int) -> list[Case]:
    """Kill a step at its points, one after another, without going back; then let it pass."""
    before = lab.folder / "before"
    _keep(lab, before)
    count = points_of(lab, step)
    _give_back(lab, before)
    cases = []
    for point in spread(count, most):
        killed = killed_before(lab, point, step)
        if not killed.was_killed and not killed.code:
            _give_back(lab, before)  # on what was left it had fewer points, and came through
        cases.append(Case(f"{GROUP}, {step}", f"point {point}", happened(killed), tuple(published_faults(lab))))
    passed = lab.run(step)
    return [_with_end(case, passed) for case in cases]


def _inside_dbt(lab: Lab, step: str, *kills: tuple[str, float]) -> list[Case]:
    """Kill the task, its dbt, or both, at parts of the time that the step takes; each time it is started again at once."""
    cases = []
    for who, part in kills:
        running = lab.stations.start(step)
        dbt = _dbt_of(running.pid)
        time.sleep(part * lab.seconds[step])
        if who == "dbt":
            dbt.kill()
        else:
            running.kill(with_children=who == "both")
        ended = running.wait()
        was_killed = ended.was_killed if who != "dbt" else ended.code == 1
        said = f"{who} killed after {ended.seconds:.1f} s" + (f": {ended.sentence}" if who == "dbt" else "")
        faults = [*unnamed(ended), *published_faults(lab)]
        if who == "task" and not _ends(dbt):
            faults.append("dbt lives on without its task, and writes the warehouse that the next attempt opens")
        cases.append(Case(f"{GROUP}, {step}", f"{who} at {part:.0%}", said if was_killed else "", tuple(faults)))
    passed = lab.run(step)
    return [_with_end(case, passed) for case in cases]


def _dbt_of(task: int, *, patience_seconds: float = 20.0) -> psutil.Process:
    for _ in range(int(patience_seconds / 0.05)):
        for child in psutil.Process(task).children():
            return child
        time.sleep(0.05)
    raise RuntimeError("the step started no process")


def _ends(process: psutil.Process, *, patience_seconds: float = 3.0) -> bool:
    for _ in range(int(patience_seconds / 0.05)):
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    process.kill()
    return False


def _with_end(case: Case, passed: Ended) -> Case:
    if not passed.code:
        return case
    said = f"started again, it ended with {passed.code}: {passed.sentence}"
    return Case(case.group, case.name, case.happened, (*case.faults, said), case.lost)


def published_faults(lab: Lab) -> list[str]:
    """While a build is made again and again, readers keep the one before."""
    current = (lab.settings.published / "current").resolve(strict=True)
    return [f"P7 {fault}" for fault in whole_build_faults(current, builds=lab.settings.builds)]


def _keep(lab: Lab, place: Path) -> None:
    bring_in_step(lab.home, place)


def _give_back(lab: Lab, place: Path) -> None:
    with lab.reader.looking_away():
        bring_in_step(place, lab.home)


def new_run_after(lab: Lab) -> Iterator[Case]:
    """A step is killed, and the next morning's run starts over in place of trying the step again."""
    for state, step, part in (("prepare", "phase_1", 0.7), ("phase_1", "analyse", 0.5), ("analyse", "phase_2", 0.5)):
        lab.back_to(state)
        running = lab.stations.start(step)
        time.sleep(part * lab.seconds[step])
        running.kill(with_children=True)
        killed = running.wait()
        again = lab.run("run")
        faults = [f"the next run ended with {again.code}: {again.sentence}"] if again.code else []
        said = f"killed after {killed.seconds:.1f} s" if killed.was_killed else ""
        yield Case(f"{GROUP}, new run", f"after {step}", said, (*faults, *lab.mart_faults()), lab.lost())


def publishing(lab: Lab, *, most: int = 16) -> Iterator[Case]:
    """Publishing, before each of its points and while DuckDB writes; then again."""
    lab.back_to("audit")
    count = points_of(lab, "publish")
    times = [part * lab.seconds["publish"] for part in (0.15, 0.3, 0.45, 0.6)]
    kills = [("point", point) for point in spread(count, most)] + [("after", seconds) for seconds in times]
    for how, value in kills:
        lab.back_to("audit")
        if how == "point":
            killed = killed_before(lab, value, "publish")
            name, said = f"point {value}", happened(killed)
        else:
            killed = lab.run("publish", faults=Faults(kill_after_seconds=value))
            name, said = f"{value:.1f} s", f"killed after {killed.seconds:.1f} s" if killed.was_killed else ""
        faults = [f"P7 {fault}" for fault in published_faults(lab)]
        again = lab.run("publish")
        faults += [f"published again, it ended with {again.code}: {again.sentence}"] if again.code else []
        yield Case(f"{GROUP}, publish", name, said, (*faults, *lab.mart_faults()), lab.lost())


STATIONS = STEPS
