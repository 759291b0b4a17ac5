"""What `ai-finops routing analyze` reads: untagged calls of the published marts, texts that are kept, and seeds.

Texts are read where `AI_FINOPS_KEEP_CONTENT` is true, and none that is past its retention.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from ai_finops.config import Settings
from ai_finops.errors import RoutingError
from ai_finops.extract.spoken_text import answer_text
from ai_finops.lake import Lake

CONTENTS = ("trace_contents", "span_contents")
_CALLS = """
select call_id, trace_id, span_id, feature_id, pipeline_id, operation_name, model_id, model_tier, input_tokens, output_tokens
from fct_llm_calls
where is_generating and task_type = 'unknown' and usage_date >= ?
order by call_id
"""


@dataclass(frozen=True, slots=True)
class KeptTexts:
    """What a call was asked and answered, as it is kept."""

    prompt: str
    answer: str


def read_published(settings: Settings, *, day_count: int) -> tuple[date, list[dict[str, Any]], Any]:
    from ai_finops.analyse.price_book import PriceBook
    from ai_finops.pricing.catalog import export_prices
    from ai_finops.publish import open_published

    with open_published(settings) as marts:
        (as_of,) = marts.execute("select as_of_date from dim_builds").fetchone()
        calls = marts.execute(_CALLS, [as_of - timedelta(days=day_count)]).to_arrow_table().to_pylist()
    if not calls:
        raise RoutingError(
            f"every generating call of the {day_count} days before {as_of} has a task type, or there is none: "
            "nothing to analyse; look further back with --days"
        )

    def prices() -> PriceBook:
        return PriceBook.from_table(export_prices(overlay=settings.dbt_project / "seeds" / "price_overlay.csv"))

    return as_of, calls, prices


def read_texts(
    lake: Lake, *, settings: Settings, calls: Sequence[Mapping[str, Any]], as_of: date
) -> dict[tuple[str, str], KeptTexts]:
    """Return prompt and answer by trace and span, of calls that have an answer kept."""
    import duckdb

    first_kept = as_of - timedelta(days=settings.content_retention_days)
    files = [
        str(version.file(CONTENTS[1]))
        for key, version in lake.current(CONTENTS[0]).items()
        if date.fromisoformat(key) >= first_kept
    ]
    wanted = [(call["trace_id"], call["span_id"]) for call in calls if call["trace_id"] and call["span_id"]]
    if not settings.keep_content or not files or not wanted:
        return {}
    with duckdb.connect() as connection:
        keys = pa.table({"trace_id": [key[0] for key in wanted], "span_id": [key[1] for key in wanted]})
        connection.register("keys", keys)
        rows = connection.execute(
            """
            select distinct trace_id, span_id, content_kind, attribute_name, content
            from read_parquet(?, hive_partitioning = false) semi join keys using (trace_id, span_id)
            where content_kind in ('prompt', 'answer')
            order by all""",
            [files],
        ).fetchall()
    return _texts_of(rows)


def _texts_of(rows: Iterable[tuple[str, str, str, str, str]]) -> dict[tuple[str, str], KeptTexts]:
    prompts: dict[tuple[str, str], list[str]] = {}
    answers: dict[tuple[str, str], str] = {}
    for trace_id, span_id, kind, _, content in rows:
        if kind == "prompt":
            prompts.setdefault((trace_id, span_id), []).append(answer_text(content) or content)
        else:
            # One answer under several names: the first by name stands.
            answers.setdefault((trace_id, span_id), answer_text(content))
    return {
        key: KeptTexts("\n\n".join(prompts.get(key, ())), answer) for key, answer in answers.items() if answer.strip()
    }


def task_types(settings: Settings) -> dict[str, str]:
    return {row["task_type"]: row["display_name"] for row in _seed(settings, "task_types")}


def targets(settings: Settings) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in _seed(settings, "routing_targets"):
        found.setdefault(row["task_type"], []).append(row["target_model_id"])
    return found


def smallest_share_ratio(settings: Settings) -> float:
    bounds = {row["bound_name"]: row["bound"] for row in _seed(settings, "reporting_bounds")}
    if "smallest_task_type_share_ratio" not in bounds:
        raise RoutingError("seed reporting_bounds names no smallest_task_type_share_ratio; add that row")
    return float(bounds["smallest_task_type_share_ratio"])


def _seed(settings: Settings, name: str) -> list[dict[str, str]]:
    with (settings.dbt_project / "seeds" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
