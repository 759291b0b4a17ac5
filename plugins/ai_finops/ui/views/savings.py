"""Savings and decisions: what could be saved and on what evidence, what was decided, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_finops.report.wording import counted, day_name, model_name
from ai_finops.ui.axes import every_week
from ai_finops.ui.choosing import Chosen, choose_one, or_all, value_of
from ai_finops.ui.rows import Record, as_float, column, feature_names, fill, floats, records
from ai_finops.ui.view import Chart, Choice, Fact, Filter, Section, Series, Table, View, Warn
from ai_finops.ui.words import name_words, usd_said

if TYPE_CHECKING:
    import duckdb

    from ai_finops.config import Settings

OPPORTUNITIES, ADVISOR, RESULTS = "fct_savings_opportunities", "rpt_caching_vs_distillation", "fct_decision_results"
MOST_BARS = 12
_SHORT = {
    "routing_by_task_type": "routing",
    "confidence_cascade": "cascade",
    "semantic_cache": "cache",
    "batch_or_flex": "batch",
    "redundant_reranker": "reranker",
    "cache_and_distillation": "both",
}
"""Levers by a shorter word, to stand beside a bar."""

_OPPORTUNITIES = Table(
    "savings-opportunities",
    "Opportunities, the first to do on top",
    OPPORTUNITIES,
    (
        column("feature_id", "Feature", "name"),
        column("rank", "Rank", "count"),
        column("saving_usd_per_month", "Saves a month", "usd"),
        column("lever", "Change", "name"),
        column("status", "Status", "status"),
        column("low_saving_usd_per_month", "Low", "usd"),
        column("high_saving_usd_per_month", "High", "usd"),
        column("reason", "Why not"),
        column("evidence", "Evidence"),
        column("is_measured", "Measured", "flag"),
        column("task_type", "Task", "name"),
        column("missing_evidence", "What is missing"),
        column("current_model_id", "Model now"),
        column("target_model_id", "Model it could be"),
        column("current_cost_usd_per_month", "Costs now", "usd"),
        column("upfront_cost_usd", "Once", "usd"),
        column("break_even_weeks", "Weeks until it is back", "number"),
        column("effort", "Effort"),
        column("ratio_name", "Turns on", "name"),
        column("ratio", "It is", "ratio"),
        column("break_even_ratio", "Breaks even at", "ratio"),
        column("owner", "Owner"),
        column("opportunity_id", "Opportunity"),
    ),
    (),
    note=(
        "USD a month at the trailing week's volume, each as if it were the only one: those on the same calls do not add up. "
        "Ranked: open and measured first, then open and not, then rejected, with the reason; of equals the larger saving."
    ),
    empty="Nothing was found to save. Rows come with traced calls on seven days; docs/savings.md says what each lever needs.",
)

_ADVISOR = Table(
    "caching-vs-distillation",
    "A cache, a model of your own, both, or neither",
    ADVISOR,
    (
        column("feature_id", "Feature", "name"),
        column("strategy", "Strategy", "name"),
        column("saving_usd_per_month", "Saves a month", "usd"),
        column("is_recommended", "Recommended", "flag"),
        column("is_rule_of_thumb", "By the rule of thumb", "flag"),
        column("differs_from_rule", "They differ", "flag"),
        column("low_saving_usd_per_month", "Low", "usd"),
        column("high_saving_usd_per_month", "High", "usd"),
        column("expected_ratio_name", "Turns on", "name"),
        column("expected_ratio", "It is", "ratio"),
        column("break_even_ratio", "Breaks even at", "ratio"),
        column("default_break_even_ratio", "Rule of thumb's", "ratio"),
        column("query_diversity_ratio", "Diversity", "ratio"),
        column("diversity_basis", "Counted as"),
        column("drift_ratio", "Drift", "ratio"),
        column("query_count", "Queries a week", "count"),
        column("training_pair_count", "Training pairs", "count"),
        column("latency_change_ms", "Latency, ms", "number"),
        column("upfront_cost_usd", "Once", "usd"),
        column("break_even_weeks", "Weeks until it is back", "number"),
        column("maintenance_person_days_per_month", "Days of upkeep a month", "number"),
        column("is_measured", "Measured", "flag"),
        column("reason", "Why"),
    ),
    (),
    note="Upkeep is in days of a person and not taken off the saving.",
    empty="No feature has queries or calls that a cache or a model of your own could answer. Rows come with traced queries.",
)

_RESULTS = Table(
    "decision-results",
    "Decisions, and what they saved week by week",
    RESULTS,
    (
        column("decision_id", "Decision"),
        column("week_start_date", "Week", "date"),
        column("realised_saving_usd", "Saved", "usd"),
        column("feature_id", "Feature", "name"),
        column("lever", "Change", "name"),
        column("status", "Result", "status"),
        column("actual_cost_usd", "Cost", "usd"),
        column("counterfactual_cost_usd", "Would have cost", "usd"),
        column("realised_saving_usd_per_month", "A month", "usd"),
        column("expected_saving_usd_per_month", "Expected", "usd"),
        column("realised_to_expected_ratio", "Of what was expected", "ratio"),
        column("price_change_cost_usd", "Prices changed it by", "usd"),
        column("task_type", "Task", "name"),
        column("decision_status", "Decision is", "status"),
        column("decision_date", "Decided", "date"),
        column("shipped_date", "Shipped", "date"),
        column("decider", "Decider"),
    ),
    (),
    note="A negative saving is a decision that made it dearer. A week before it shipped, or half of one, says nothing.",
    empty="Nothing was decided yet. Rows come from seed optimization_decisions; a result takes a whole week after it shipped.",
)

_SPRINTS = Table(
    "sprints",
    "Sprints",
    "rpt_sprints",
    (
        column("sprint_start_date", "From", "date"),
        column("sprint_end_date", "To", "date"),
        column("decision_count", "Decisions", "count"),
        column("is_without_decision", "Ended without one", "flag"),
        column("is_finished", "Over", "flag"),
    ),
    (),
    empty="No sprint with a covered day yet.",
)

_ROLLOUT = Table(
    "rollout-readiness",
    "The first thirty days",
    "rpt_rollout_readiness",
    (
        column("step", "Step"),
        column("week_number", "Week", "count"),
        column("measure_name", "Measured by", "name"),
        column("status", "Status", "status"),
        column("value", "Value", "number"),
        column("target", "Done at", "number"),
        column("what_is_missing", "What is missing"),
        column("owner", "Owner"),
    ),
    (),
    empty="Nothing is measured yet. Rows come from seed rollout_steps with the first build.",
)


def savings(connection: duckdb.DuckDBPyConnection, *, chosen: Chosen, settings: Settings) -> View:
    """Return the newest date of issue: `?feature=support_chat&status=open`."""
    names = feature_names(connection)
    called = {"feature_id": names}
    every = _opportunities(connection)
    advised = _advised(connection)
    filters = _filters(chosen, every + advised, names)
    feature, status = (value_of(each) for each in filters)
    shown = [row for row in every if status in (None, row["status"]) and feature in (None, row["feature_id"])]
    advice = [row for row in advised if feature in (None, row["feature_id"])]
    results = _results(connection, feature)
    sprints = records(connection, "from rpt_sprints order by sprint_start_date desc")
    rollout = records(connection, "from rpt_rollout_readiness order by week_number, measure_name")
    return View(
        slug="savings",
        title="Savings and decisions",
        lead="Which change saves the most, on what evidence, and did what was decided save what was expected?",
        facts=_facts(shown, results, names, status=status),
        filters=filters,
        warns=_warns(sprints, results),
        sections=(
            Section(
                "Opportunities",
                charts=(_chart(shown, names),),
                tables=(fill(_OPPORTUNITIES, shown, names=called),),
            ),
            Section(
                "Decisions and their results",
                charts=(_result_chart(results),),
                tables=(fill(_RESULTS, results, names=called), fill(_SPRINTS, sprints)),
            ),
            Section(
                "Cache or distil",
                charts=(_advice_chart(advice, names),),
                tables=(fill(_ADVISOR, advice, names=called),),
            ),
            Section("Rollout", tables=(_rollout_table(rollout),), sentences=_rollout_sentences(rollout)),
        ),
    )


def _opportunities(connection: duckdb.DuckDBPyConnection) -> list[Record]:
    query = f"from {OPPORTUNITIES} where as_of_date = (select max(as_of_date) from {OPPORTUNITIES}) order by rank"  # noqa: S608 - our own name
    return records(connection, query)


def _advised(connection: duckdb.DuckDBPyConnection) -> list[Record]:
    query = f"""
        from {ADVISOR} where as_of_date = (select max(as_of_date) from {ADVISOR})
        order by feature_id, is_recommended desc, saving_usd_per_month desc, strategy"""  # noqa: S608 - our own name
    return records(connection, query)


def _results(connection: duckdb.DuckDBPyConnection, feature: str | None) -> list[Record]:
    query = f"""
        from {RESULTS} where $feature is null or feature_id = $feature
        order by week_start_date desc nulls last, decision_date desc, decision_id"""
    return records(connection, query, feature=feature)


def _filters(chosen: Chosen, rows: list[Record], names: dict[str, str]) -> tuple[Filter, Filter]:
    known = sorted({row["feature_id"] for row in rows}, key=lambda each: name_words(each, names).lower())
    features = or_all((Choice(each, name_words(each, names)) for each in known), label="All features")
    statuses = or_all((Choice("open", "Open"), Choice("rejected", "Rejected")), label="Open and rejected")
    return (
        choose_one(chosen, "feature", "Feature", features),
        choose_one(chosen, "status", "Status", statuses),
    )


def _facts(rows: list[Record], results: list[Record], names: dict[str, str], *, status: str | None) -> tuple[Fact, ...]:
    """Return the facts of the rows that the filters leave."""
    found = [row for row in rows if row["status"] == "open"]
    rejected = len(rows) - len(found)
    counts = {"open": len(found), "rejected": rejected}
    label = "Rejected opportunities" if status == "rejected" else "Open opportunities"
    note = None if status else f"and {counted(rejected, 'rejected one')}"
    facts = [Fact(label, counts[status or "open"], "count", note, source=f"{OPPORTUNITIES}.status")]
    if found:
        facts += _saving_facts(found, names)
    newest = {row["decision_id"]: row for row in reversed(results) if _is_measured(row)}
    if newest:
        saved = sum(row["realised_saving_usd_per_month"] for row in newest.values())
        note = f"a month, by the newest measured week of {counted(len(newest), 'decision')}"
        facts.append(Fact("Decisions save", saved, "usd", note, source=f"{RESULTS}.realised_saving_usd_per_month"))
    return tuple(facts)


def _saving_facts(found: list[Record], names: dict[str, str]) -> list[Fact]:
    """Return what the first open opportunity saves, and what the first of each feature save together.

    Opportunities of one feature may be on the same calls, and are not added up.
    """
    source = f"{OPPORTUNITIES}.saving_usd_per_month"
    first = found[0]
    band = f"{usd_said(first['low_saving_usd_per_month'])} to {usd_said(first['high_saving_usd_per_month'])}"
    note = f"a month, {band}: {label_of(first, names)}"
    facts = [Fact("The first to do saves", first["saving_usd_per_month"], "usd", note, source=source)]
    of_each = {row["feature_id"]: row["saving_usd_per_month"] for row in reversed(found)}
    if len(of_each) == 1:
        return facts
    total = None if None in of_each.values() else sum(of_each.values())
    note = f"a month, of {len(of_each)} features; those of one feature do not add up"
    return [*facts, Fact("The first of each feature save", total, "usd", note, source=source)]


def _is_measured(row: Record) -> bool:
    return row["status"] == "measured" and row["realised_saving_usd_per_month"] is not None


def label_of(row: Record, names: dict[str, str]) -> str:
    """Return an opportunity in a few words: `Support chat: semantic cache`, with the model where there is one."""
    change = row["lever"].replace("_", " ")
    return f"{name_words(row['feature_id'], names)}: {change}{_target(row)}"


def _warns(sprints: list[Record], results: list[Record]) -> tuple[Warn, ...]:
    warns = []
    ended = next((row for row in sprints if row["is_finished"]), None)
    if ended and ended["is_without_decision"]:
        between = f"from {day_name(ended['sprint_start_date'])} to {day_name(ended['sprint_end_date'])}"
        warns.append(Warn(f"No saving was decided on in the sprint {between}."))
    dearer = sorted({row["decision_id"] for row in results if (row["realised_saving_usd"] or 0) < 0})
    if dearer:
        warns.append(Warn(f"In some weeks these decisions cost more than they saved: {', '.join(dearer)}."))
    return tuple(warns)


def _chart(rows: list[Record], names: dict[str, str]) -> Chart:
    # Without a saving there is no bar; those rows are in the table, with the reason.
    drawn = [row for row in rows if row["saving_usd_per_month"] and row["saving_usd_per_month"] > 0][:MOST_BARS]
    labels = _bar_names(drawn, names)
    low, high = floats(drawn, "low_saving_usd_per_month"), floats(drawn, "high_saving_usd_per_month")
    values = floats(drawn, "saving_usd_per_month")

    def only(status: str) -> Series:
        kept = [row["status"] == status for row in drawn]
        parts = (
            tuple(value if is_kept else None for value, is_kept in zip(each, kept, strict=True))
            for each in (values, low, high)
        )
        bars, lows, highs = parts
        return Series(status.capitalize(), bars, "bar", low=lows, high=highs, is_muted=status == "rejected")

    series = tuple(only(status) for status in ("open", "rejected") if any(row["status"] == status for row in drawn))
    return Chart(
        "savings-by-rank",
        "What each would save a month, by rank, with its low and high end",
        _summary(drawn, names),
        labels,
        series,
        form="rows",
        is_stacked=True,
        empty="Nothing that would save anything was found.",
    )


def _bar_names(rows: list[Record], names: dict[str, str]) -> tuple[str, ...]:
    """Return of each `1. routing · Support chat`: its rank, which is its row in the table, and what fits beside a bar.

    Where several would be called the same but for their rank, the model that each leads to is said too.
    """
    changes = [
        f"{_SHORT.get(row['lever'], row['lever'].replace('_', ' '))} · {name_words(row['feature_id'], names)}"
        for row in rows
    ]
    return tuple(
        f"{row['rank']}. {change}{_target(row) if changes.count(change) > 1 else ''}"
        for row, change in zip(rows, changes, strict=True)
    )


def _target(row: Record) -> str:
    return f" to {model_name(row['target_model_id'])}" if row["target_model_id"] else ""


def _summary(drawn: list[Record], names: dict[str, str]) -> str:
    if not drawn:
        return "Nothing that would save anything was found."
    first = drawn[0]
    saving = usd_said(first["saving_usd_per_month"])
    return f"First by rank is {label_of(first, names)}, {first['status']}, at {saving} a month."


def _result_chart(results: list[Record]) -> Chart:
    weeks = every_week({row["week_start_date"] for row in results if row["realised_saving_usd"] is not None})
    decisions = sorted({row["decision_id"] for row in results if row["realised_saving_usd"] is not None})
    saved = {(row["decision_id"], row["week_start_date"]): row["realised_saving_usd"] for row in results}
    series = tuple(
        Series(decision, tuple(as_float(saved.get((decision, week))) for week in weeks), "bar")
        for decision in decisions
    )
    return Chart(
        "realised-savings",
        "Realised saving by week",
        f"{counted(len(decisions), 'decision')} measured over {counted(len(weeks), 'week')}.",
        tuple(weeks),
        series,
        is_stacked=True,
        empty="No decision has a measured week yet.",
    )


def _advice_chart(advice: list[Record], names: dict[str, str]) -> Chart:
    drawn = [row for row in advice if row["saving_usd_per_month"] and row["strategy"] != "keep_as_is"]
    drawn = sorted(drawn, key=lambda row: -abs(row["saving_usd_per_month"]))[:MOST_BARS]
    labels = (
        f"{_SHORT.get(row['strategy'], row['strategy'].replace('_', ' '))} · {name_words(row['feature_id'], names)}"
        for row in drawn
    )
    recommended = sorted(
        {
            name_words(row["feature_id"], names)
            for row in advice
            if row["is_recommended"] and row["strategy"] != "keep_as_is"
        }
    )
    return Chart(
        "advised-strategies",
        "What each strategy would save or lose a month",
        f"A change is recommended for {', '.join(recommended)}."
        if recommended
        else "For no feature a change is recommended.",
        tuple(labels),
        (
            Series(
                "Saving a month",
                floats(drawn, "saving_usd_per_month"),
                "bar",
                low=floats(drawn, "low_saving_usd_per_month"),
                high=floats(drawn, "high_saving_usd_per_month"),
            ),
        ),
        form="rows",
        empty="No strategy has a saving or a loss that could be computed.",
    )


def _rollout_table(rollout: list[Record]) -> Table:
    """Return the steps, each in the unit of what it is measured by."""
    kinds = ["ratio" if row["measure_name"].endswith("_ratio") else "count" for row in rollout]
    return fill(_ROLLOUT, rollout, kinds={"value": kinds, "target": kinds})


def _rollout_sentences(rollout: list[Record]) -> tuple[str, ...]:
    done = sum(row["status"] == "done" for row in rollout)
    return (f"{done} of {counted(len(rollout), 'step')} done.",) if rollout else ()
