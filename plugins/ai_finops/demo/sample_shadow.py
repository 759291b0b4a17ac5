"""Shadow comparisons: was the cheap model right where the strong one was, on recorded answers to MMLU questions.

The questions are exam questions, not summaries and not invoices. Subjects stand in for a task type by what they ask of
the reader; no number here says how a Claude or Nova model would do. See `sample/README.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_finops.demo.sample_plan import HAIKU_3_5, NOVA_LITE, SONNET_4
from ai_finops.demo.sample_schemas import SHADOW
from ai_finops.demo.sample_source import MMLU, read


@dataclass(frozen=True, slots=True)
class Comparison:
    """One task type's comparison: which subjects stand in, which models the roles are given to, how many."""

    task_type: str
    subjects: tuple[str, ...]
    candidate_model: str
    count: int
    baseline_model: str = SONNET_4


COMPARISONS = (
    # Questions about a passage of some 1,500 characters, to be read and condensed.
    Comparison(
        task_type="summarization",
        subjects=("high_school_european_history", "high_school_us_history", "high_school_world_history"),
        candidate_model=HAIKU_3_5,
        count=360,
    ),
    # Questions whose answer is a figure or a finding to be picked out of a case.
    Comparison(
        task_type="extraction",
        subjects=("professional_accounting", "professional_medicine"),
        candidate_model=NOVA_LITE,
        count=240,
    ),
)


def compose_shadow(source: Path, calls: pa.Table, *, rng: np.random.Generator) -> pa.Table:
    """Return the comparisons in order of time; each is run when a real call of its task type has ended."""
    tables = [_compare(source, comparison, calls, rng=rng) for comparison in COMPARISONS]
    return pa.concat_tables(tables).sort_by([("started_at", "ascending"), ("task_type", "ascending")]).combine_chunks()


def _compare(source: Path, comparison: Comparison, calls: pa.Table, *, rng: np.random.Generator) -> pa.Table:
    questions = pa.concat_tables([_read_subject(source, subject) for subject in comparison.subjects])
    has_answer = pc.and_(pc.equal(calls["task_type"], comparison.task_type), pc.invert(calls["is_error"]))
    duration = pc.multiply(calls["duration_ms"].cast(pa.int64()), 1000).cast(pa.duration("us"))
    ended_at = pc.add(calls["started_at"], duration).filter(has_answer)
    count = min(comparison.count, questions.num_rows, len(ended_at))
    asked = questions.take(pa.array(rng.permutation(questions.num_rows)[:count]))
    at = rng.permutation(len(ended_at))[:count]
    columns = {
        "started_at": ended_at.take(pa.array(at)),
        "task_type": [comparison.task_type] * count,
        "baseline_model": [comparison.baseline_model] * count,
        "candidate_model": [comparison.candidate_model] * count,
        "is_baseline_correct": asked["is_strong_right"],
        "is_candidate_correct": asked["is_cheap_right"],
        "subject": asked["subject"],
    }
    return pa.table(columns).cast(SHADOW)


def _read_subject(source: Path, subject: str) -> pa.Table:
    sql = """
        select
            "gpt-4-1106-preview"::boolean as is_strong_right,
            "mistralai/Mixtral-8x7B-Instruct-v0.1"::boolean as is_cheap_right,
            ? as subject
        from read_csv(FILE, header = true, parallel = false)
    """
    return read(source, f"{MMLU}/mmlu_{subject}.csv", sql=sql, parameters=(subject,))
