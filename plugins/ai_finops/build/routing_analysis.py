"""`ai-finops routing analyze`: what kind of task untagged calls do, and what a cheaper model made of some, put in the lake.

It reads published marts and kept texts and writes family `routing_findings`, which the next build reads: task types for calls
that have none, and comparisons beside those of shadow runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

import pyarrow as pa

from ai_finops.analyse.output_forms import form_of
from ai_finops.analyse.routing_trials import Candidate, Comparison, Trials, run_trials
from ai_finops.analyse.task_judge import Converser, judge_task_type, open_judge
from ai_finops.analyse.task_rules import CallFacts, Guess, guess_task_type
from ai_finops.analyse.task_types import CallGroup, TaskFinding, find_task_type, sample_calls
from ai_finops.build.routing_inputs import (
    KeptTexts,
    read_published,
    read_texts,
    smallest_share_ratio,
    targets,
    task_types,
)
from ai_finops.config import Settings
from ai_finops.errors import RoutingError
from ai_finops.lake import Lake
from ai_finops.lake_schemas import ROUTING_COMPARISONS, ROUTING_TASK_TYPES

FAMILY = "routing_findings"


@dataclass(frozen=True, slots=True)
class RoutingAnalysis:
    """What one run found."""

    as_of_date: date
    findings: tuple[TaskFinding, ...]
    text_count: int
    """Sampled calls whose answer is kept."""
    trials: Trials


def analyze(
    *, settings: Settings, day_count: int = 28, most_per_group: int = 200, most_judged_count: int = 100
) -> RoutingAnalysis:
    """Classify a sample of the untagged calls of the trailing days, try cheaper models as configured, and keep what was found.

    Args:
        day_count: Days before the published build's clock.
        most_per_group: Calls that are looked at of each feature, pipeline and operation.
        most_judged_count: Calls in all that a judge is asked about; others go by the rules.
    Raises:
        PublishError: Nothing is published yet.
        RoutingError: There is no untagged call, or what is configured needs texts and none is kept.
        SourceError and below: A judge did not answer, and nothing is kept; or a cheaper model, and what was found before is.
        LakeError: The lake cannot be written.
    """
    as_of, calls, prices = read_published(settings, day_count=day_count)
    sampled = sample_calls(calls, most_per_group=most_per_group)
    lake = Lake(settings.lake)
    texts = read_texts(
        lake, settings=settings, calls=[each for group in sampled.values() for each in group], as_of=as_of
    )
    judge = open_judge(settings)
    if not texts and (judge is not None or settings.routing_trial_usd):
        raise RoutingError(_no_texts(settings))
    guesser = _Guesser(task_types(settings), judge=judge, judge_left=most_judged_count)
    call_counts = _counted(calls)
    bound = smallest_share_ratio(settings)
    findings, candidates = [], []
    for group, chosen in sampled.items():
        finding = find_task_type(
            group,
            [guesser.guess(call, texts.get(_key(call))) for call in chosen],
            call_count=call_counts[group],
            smallest_share_ratio=bound,
        )
        findings.append(finding)
        candidates += _candidates(chosen, finding=finding, texts=texts, settings=settings)
    known = _known_comparisons(lake)
    fresh = [each for each in candidates if _comparison_key(each) not in known]
    trials = Trials()
    if settings.routing_trial_usd:
        trials = run_trials(
            fresh,
            open_model=_models(settings),
            judge=judge,
            prices=prices(),
            day=as_of - timedelta(days=1),
            most_usd=settings.routing_trial_usd,
        )
    _write(lake, as_of=as_of, findings=findings, comparisons=trials.comparisons)
    if trials.error is not None:
        raise trials.error
    return RoutingAnalysis(as_of, tuple(findings), len(texts), trials)


@dataclass(slots=True)
class _Guesser:
    """Guesses a call by a judge while there are calls left for it, else by the rules."""

    task_types: Mapping[str, str]
    judge: Converser | None
    judge_left: int

    def guess(self, call: Mapping[str, Any], texts: KeptTexts | None) -> Guess:
        if self.judge is not None and texts is not None and self.judge_left > 0:
            self.judge_left -= 1
            return judge_task_type(self.judge, prompt=texts.prompt, answer=texts.answer, task_types=self.task_types)
        form = None if texts is None else form_of(texts.answer)
        facts = CallFacts(call["operation_name"], call["input_tokens"], call["output_tokens"], form)
        return guess_task_type(facts, known_task_types=self.task_types)


def _candidates(
    calls: Sequence[Mapping[str, Any]],
    *,
    finding: TaskFinding,
    texts: Mapping[tuple[str, str], KeptTexts],
    settings: Settings,
) -> list[Candidate]:
    """Return what cheaper models could be asked: expensive calls of a group whose task type is sure, with both texts."""
    if finding.status != "applied":
        return []
    return [
        Candidate(
            call["trace_id"], call["span_id"], finding.task_type, call["model_id"], target,
            found.prompt, found.answer, call["output_tokens"] or 0, call["input_tokens"] or 0,
        )
        for target in targets(settings).get(finding.task_type, ())
        for call in calls
        if call["model_tier"] == "expensive" and call["model_id"] != target
        if (found := texts.get(_key(call))) is not None and found.prompt
    ]  # fmt: skip


def _models(settings: Settings) -> Any:
    from ai_finops import aws

    bedrock = aws.client("bedrock-runtime", settings=settings)
    return cache(lambda model_id: Converser(bedrock, model_id=model_id))


def _known_comparisons(lake: Lake) -> set[tuple[str, str, str]]:
    import pyarrow.parquet as pq

    names = ("trace_id", "span_id", "candidate_model_id")
    return {
        tuple(row[name] for name in names)
        for file in lake.files(FAMILY, "comparisons")
        for row in pq.read_table(file, columns=list(names), partitioning=None).to_pylist()
    }


def _write(lake: Lake, *, as_of: date, findings: Sequence[TaskFinding], comparisons: Sequence[Comparison]) -> None:
    """Keep the run's findings under the build's clock, with what an earlier run of the same day compared."""
    import pyarrow.parquet as pq

    earlier = lake.current_version(FAMILY, str(as_of))
    kept = [] if earlier is None else pq.read_table(earlier.file("comparisons"), partitioning=None).to_pylist()
    rows = kept + [
        {
            "trace_id": each.candidate.trace_id,
            "span_id": each.candidate.span_id,
            "task_type": each.candidate.task_type,
            "baseline_model_id": each.candidate.baseline_model_id,
            "candidate_model_id": each.candidate.target_model_id,
            "how": each.how,
            "baseline_input_tokens": each.candidate.input_tokens or None,
            "baseline_output_tokens": each.candidate.output_tokens or None,
            "candidate_input_tokens": each.input_tokens,
            "candidate_output_tokens": each.output_tokens,
            "is_no_worse": each.is_no_worse,
            "cost_usd": each.cost_usd,
            # The last day that the build holds: the next build of the same days counts it.
            "made_date": as_of - timedelta(days=1),
        }
        for each in comparisons
    ]
    found = [
        {
            **each.group._asdict(),
            "task_type": each.task_type,
            "status": each.status,
            "confidence": each.confidence,
            "how": each.how,
            "call_count": each.call_count,
            "sample_count": each.sample_count,
            "agreeing_count": each.agreeing_count,
            "found_date": as_of,
        }
        for each in findings
    ]
    rows.sort(key=lambda row: (row["trace_id"], row["span_id"], row["candidate_model_id"]))
    lake.write_partition(
        FAMILY,
        str(as_of),
        tables={
            "task_types": pa.Table.from_pylist(found, schema=ROUTING_TASK_TYPES),
            "comparisons": pa.Table.from_pylist(rows, schema=ROUTING_COMPARISONS),
        },
    )


def _counted(calls: Iterable[Mapping[str, Any]]) -> dict[CallGroup, int]:
    counts: dict[CallGroup, int] = {}
    for call in calls:
        group = CallGroup(*(call[name] for name in CallGroup._fields))
        counts[group] = counts.get(group, 0) + 1
    return counts


def _no_texts(settings: Settings) -> str:
    wants = "AI_FINOPS_TASK_JUDGE" if settings.task_judge else "AI_FINOPS_ROUTING_TRIAL_USD"
    if not settings.keep_content:
        return (
            f"{wants} is set and needs texts, which are not kept; set AI_FINOPS_KEEP_CONTENT=true and land days anew, "
            "or unset it"
        )
    return (
        f"{wants} is set and needs texts, and of none of the sampled calls an answer is kept; land days whose spans carry "
        "answers, or unset it"
    )


def _key(call: Mapping[str, Any]) -> tuple[str, str]:
    return call["trace_id"], call["span_id"]


def _comparison_key(candidate: Candidate) -> tuple[str, str, str]:
    return candidate.trace_id, candidate.span_id, candidate.target_model_id
