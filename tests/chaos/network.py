"""AWS across a bad network: a proxy resets, stalls or cuts off one call of a landing, or answers SlowDown, once or always.

Broken once, the landing gets what it came for. Broken at every attempt, it fails with a sentence that names what it read and
leaves the lake as it was, and the next landing gives what an undisturbed one gives.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.chaos.account import SOURCES
from tests.chaos.lab import Case, Lab, spread, unnamed
from tests.chaos.promises import lake_state
from tests.chaos.stations import Faults
from tests.scheduler.fault_proxy import BREAKS, FaultProxy

GROUP = "network"
READ_TIMEOUT_SECONDS = 1.5


def bad_networks(lab: Lab, *, most: int = 3) -> Iterator[Case]:
    """Each source, at its first calls, its last and some between."""
    proxy = FaultProxy(lab.aws.endpoint)
    try:
        for source in SOURCES:
            lab.back_to(f"without {source}")
            proxy.break_call(0, BREAKS[0], lasts=False)
            _land(lab, source, proxy)
            count = len(proxy.numbers)
            for how in BREAKS:
                for number in spread(count, most):
                    yield _once(lab, source, proxy, how=how, number=number)
                yield _always(lab, source, proxy, how=how, number=1 + count // 2)
    finally:
        proxy.stop()


def _land(lab: Lab, source: str, proxy: FaultProxy):
    through = dict.fromkeys(("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_CLOUDWATCH"), proxy.url)
    return lab.land(source, faults=Faults(read_timeout=READ_TIMEOUT_SECONDS), **through)


def _once(lab: Lab, source: str, proxy: FaultProxy, *, how: str, number: int) -> Case:
    lab.back_to(f"without {source}")
    proxy.break_call(number, how, lasts=False)
    landed = _land(lab, source, proxy)
    happened = f"{proxy.broken_count} attempt broken of {len(proxy.numbers)} calls" if proxy.broken_count else ""
    said = [f"broken once, it ended with {landed.code}: {landed.sentence}"] if landed.code else []
    # It asked once more than the undisturbed one, and says so.
    faults = [*said, *lab.lake_faults(is_cost_counted=False)]
    return Case(f"{GROUP}, land {source}", f"{how} once, call {number}", happened, tuple(faults), lab.lost())


def _always(lab: Lab, source: str, proxy: FaultProxy, *, how: str, number: int) -> Case:
    lab.back_to(f"without {source}")
    before = _partitions(lab)
    proxy.break_call(number, how, lasts=True)
    failed = _land(lab, source, proxy)
    happened = f"{proxy.broken_count} attempts broken: {failed.sentence[:200]}" if proxy.broken_count else ""
    faults = unnamed(failed)
    if not failed.code:
        faults.append("it ended well without an answer")
    if not any(name in failed.sentence for name in _names(lab, source)):
        faults.append(f"does not name what it read: {failed.sentence}")
    if _partitions(lab) != before:
        faults.append("the failed landing left partitions")
    again = lab.land(source)
    faults += [f"landed again, it ended with {again.code}: {again.sentence}"] if again.code else []
    faults += lab.lake_faults()
    return Case(f"{GROUP}, land {source}", f"{how} always, call {number}", happened, tuple(faults), lab.lost())


def _partitions(lab: Lab) -> dict:
    return {name: said for name, said in lake_state(lab.settings).items() if not name.startswith("outcome")}


def _names(lab: Lab, source: str) -> tuple[str, ...]:
    named = {
        "traces": (lab.settings.traces_bucket,),
        "billing": (lab.settings.billing_bucket,),
        "cloudwatch": ("CloudWatch",),
    }
    return named[source]
