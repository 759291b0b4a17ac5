"""Random traces through both phases, held against a direct computation of what was used and what the rest cost."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import duckdb
import pytest

from ai_finops.context_use import METHOD_ID
from tests.warehouse.tiny_lake import SONNET, make_raw, run_dbt, span

DAY = "2025-06-02"
INPUT_USD = Decimal("0.000003")
CACHE_READ_USD = Decimal("0.0000003")
FEATURES = ("chat", "search")
SCORES = (0.0, 0.25, 0.499, 0.5, 0.75, 1.0)


@dataclass
class Trace:
    """One question: documents retrieved, some cut by a reranker, one answer."""

    name: str
    feature: str
    documents: list[str]
    cut: set[str]
    cited: set[str] | None
    said: dict[str, tuple[float | None, int | None]]
    landed: dict[int, tuple[float, int]]
    """By place, from 1: score and tokens."""
    uncached: int
    cached: int
    spans: list[dict] = field(default_factory=list)

    @property
    def evidence(self) -> str:
        if self.cited is not None:
            return "citation"
        return "overlap_estimate" if any(self.score(place) is not None for place in self.places) else "none"

    @property
    def places(self) -> range:
        return range(1, len(self.documents) + 1)

    def score(self, place: int) -> float | None:
        said, _ = self.said.get(self.documents[place - 1], (None, None))
        return said if said is not None else self.landed.get(place, (None, None))[0]

    def tokens(self, place: int) -> int | None:
        _, said = self.said.get(self.documents[place - 1], (None, None))
        return said if said is not None else self.landed.get(place, (None, None))[1]

    def judged(self) -> dict[int, bool]:
        """Whether each document was used, by place, of those of which it is known."""
        if self.cited is not None:
            return {place: self.documents[place - 1] in self.cited for place in self.places}
        return {place: score >= 0.5 for place in self.places if (score := self.score(place)) is not None}


def made(number: int, dice: random.Random) -> Trace:
    documents = [f"d{each}" for each in range(dice.randint(1, 5))]
    kind = dice.choice(("cites", "says", "lands", "both", "silent"))
    some = [document for document in documents if dice.random() < 0.7]
    trace = Trace(
        name=f"t{number}",
        feature=dice.choice(FEATURES),
        documents=documents,
        cut={document for document in documents[1:] if dice.random() < 0.3},
        cited={document for document in some if dice.random() < 0.5} if kind == "cites" else None,
        said={each: (dice.choice(SCORES), dice.choice((None, 90, 400))) for each in some}
        if kind in ("says", "both")
        else {each: (None, 200) for each in documents if kind == "cites" and dice.random() < 0.9},
        landed={
            place: (dice.choice(SCORES), dice.choice((50, 333)))
            for place in range(1, len(documents) + 1)
            if kind in ("lands", "both")
        },
        uncached=dice.choice((0, 500, 7001)),
        cached=dice.choice((0, 120)),
    )
    trace.spans = spans_of(trace)
    return trace


def spans_of(trace: Trace) -> list[dict]:
    listed = [{"id": document} for document in trace.documents]
    answer: dict = {}
    if trace.cited is not None:
        answer["cited_document_ids"] = sorted(trace.cited)
    if trace.said:
        answer["document_uses"] = [
            {"id": each, "use_score": score, "token_count": tokens} for each, (score, tokens) in trace.said.items()
        ]
        answer["document_use_method"] = METHOD_ID
    shared = {"trace_id": trace.name, "feature_id": trace.feature}

    def one(name: str, at: str, **changes) -> dict:
        return span(f"{trace.name}-{name}", f"{DAY} {at}", SONNET, **shared | changes)

    spans = [
        one("rewrite", "09:59", uncached_input_tokens=9999, output_tokens=5),
        one("search", "10:00", operation_name="retrieval", details_json=json.dumps({"documents": listed})),
        one(
            "answer",
            "10:01",
            uncached_input_tokens=trace.uncached,
            cache_read_input_tokens=trace.cached,
            output_tokens=50,
            details_json=json.dumps(answer) if answer else None,
        ),
        one("later", "10:02", uncached_input_tokens=9999, output_tokens=5),
    ]
    if trace.cut:
        kept = [each for each in listed if each["id"] not in trace.cut]
        details = {"input_documents": listed, "output_documents": kept}
        spans.append(one("rerank", "10:00", operation_name="rerank", details_json=json.dumps(details)))
    return spans


def landed_uses(trace: Trace) -> list[dict]:
    return [
        {
            "trace_id": trace.name,
            "span_id": f"{trace.name}-search",
            "document_rank": place,
            "use_score": score,
            "estimated_token_count": tokens,
            "answer_count": 1,
            "method_id": METHOD_ID,
            "landing_date": date(2025, 6, 2),
        }
        for place, (score, tokens) in trace.landed.items()
    ]


@pytest.fixture(scope="module")
def traces() -> list[Trace]:
    dice = random.Random(15)
    return [made(number, dice) for number in range(120)]


@pytest.fixture(scope="module")
def warehouse(traces, tmp_path_factory):
    path = tmp_path_factory.mktemp("unused_context") / "warehouse.duckdb"
    uses = [use for trace in traces for use in landed_uses(trace)]
    spans = [each for trace in traces for each in trace.spans]
    make_raw(path, spans=spans, analyses={}, more={"context_uses_document_uses": uses})
    built = run_dbt(
        path,
        "build",
        "--select=+fct_daily_metrics +rpt_unused_context",
        "--exclude-resource-type=test",
        "--exclude-resource-type=unit_test",
        as_of_date="2025-06-03",
    )
    assert built.returncode == 0, built.stdout[-4000:]
    return path


@pytest.fixture(scope="module")
def ask(warehouse):
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        yield lambda query: connection.execute(query).fetchall()


def test_every_kind_of_trace_is_among_them(traces):
    assert {trace.evidence for trace in traces} == {"citation", "overlap_estimate", "none"}
    assert any(trace.cut for trace in traces)


def test_hits_are_those_of_a_direct_count(traces, ask):
    counts = defaultdict(lambda: [0, 0])
    for trace in traces:
        if trace.evidence != "none":
            judged = trace.judged()
            for feature in (trace.feature, "total"):
                counts[feature, trace.evidence][0] += sum(judged.values())
                counts[feature, trace.evidence][1] += len(judged)
    found = ask(
        """select feature_id, split_part(dimension, '=', 2), numerator, denominator, validation from marts.fct_daily_metrics
        where metric_name = 'retrieval_hit_document_ratio'"""
    )
    assert {(feature, evidence): [n, d] for feature, evidence, n, d, _ in found} == dict(counts)
    assert {(evidence, validation) for _, evidence, _, _, validation in found} == {
        ("citation", "recorded"),
        ("overlap_estimate", "agreement 0.93 (n=102)"),
    }


def test_unused_tokens_and_dollars_are_those_of_a_direct_computation(traces, ask):
    expected = defaultdict(lambda: [0, 0, 0, 0, 0, Decimal(0), Decimal(0)])
    for trace in traces:
        in_prompt = {p: used for p, used in trace.judged().items() if trace.documents[p - 1] not in trace.cut}
        if trace.evidence == "none" or not in_prompt:
            continue
        row = expected[trace.feature, trace.evidence]
        row[0] += 1
        row[2] += len(in_prompt)
        row[3] += sum(not used for used in in_prompt.values())
        tokens = {place: trace.tokens(place) for place in in_prompt}
        given = trace.uncached + trace.cached
        if None in tokens.values() or not given:
            row[1] += 1
            continue
        unused = sum(tokens[place] for place, used in in_prompt.items() if not used)
        whole = sum(tokens.values())
        unused = unused if whole <= given else unused * given // whole
        cost = trace.uncached * INPUT_USD + trace.cached * CACHE_READ_USD
        row[4] += unused
        row[5] += cost
        row[6] += (cost * unused / given).quantize(Decimal("1e-12"), rounding=ROUND_HALF_UP)
    found = ask(
        """select feature_id, evidence, call_count, unknown_cost_call_count, document_count, unused_document_count,
            unused_tokens, input_cost_usd, unused_input_cost_usd from marts.rpt_unused_context"""
    )
    micro = Decimal("0.000001")
    rounded = {
        key: (*row[:5], *(each.quantize(micro, rounding=ROUND_HALF_UP) for each in row[5:]))
        for key, row in expected.items()
    }
    assert {(feature, evidence): tuple(rest) for feature, evidence, *rest in found} == rounded
    assert all(row[0] > row[1] > 0 and row[6] > 0 for row in expected.values())


def test_the_ratio_is_of_the_same_money(ask):
    rows = ask(
        """select metrics.numerator, metrics.denominator, sum(unused_input_cost_usd), sum(input_cost_usd)
        from marts.fct_daily_metrics as metrics
        inner join marts.rpt_unused_context on metrics.dimension = 'evidence=' || evidence
        where metric_name = 'unused_document_cost_ratio' and metrics.feature_id = 'total' group by all"""
    )
    assert len(rows) == 2
    for numerator, denominator, unused, whole in rows:
        assert numerator == pytest.approx(float(unused), abs=2e-6)
        assert denominator == pytest.approx(float(whole), abs=2e-6)
