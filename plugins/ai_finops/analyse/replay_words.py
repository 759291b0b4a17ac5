"""A replay in words and as JSON: the table, where the policy lies, and whether it is worth having."""

from __future__ import annotations

from typing import Any

from ai_finops.analyse.policy_replay import Replay
from ai_finops.analyse.routing_policies import Outcome, coin_accuracy_ratio

_HEAD = ("", "accuracy", "of the strong's", "by the strong", "USD per 1,000", "of its cost")


def replay_lines(replay: Replay) -> list[str]:
    """Return what is printed, without the sentence that refuses."""
    rows = [
        _row("always cheap", replay.always_cheap, replay),
        _row("this policy", replay.routed, replay),
        ("coin of equal cost", f"{replay.coin.coin_accuracy_ratio:.4f}", "", f"{replay.coin.strong_probability:.1%}", "", ""),
        _row("always strong", replay.always_strong, replay),
        _row("oracle", replay.oracle, replay),
    ]  # fmt: skip
    widths = [max(len(row[place]) for row in (_HEAD, *rows)) for place in range(len(_HEAD))]
    lines = [f"policy {replay.policy.policy_id} {replay.policy.version}: {replay.routed.question_count:,} questions"]
    lines += [f"  {_decided(replay)}"]
    lines += [
        f"  {role}: {model.name} ({model.model_id}), ${price.input_usd_per_mtok:g} in and "
        f"${price.output_usd_per_mtok:g} out per million tokens, {_by(model)}"
        for role, model, price in (
            ("cheap", replay.cheap, replay.prices.cheap),
            ("strong", replay.strong, replay.prices.strong),
        )
    ]
    table = (_HEAD, *rows)
    lines += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
    return [*lines, f"saves {replay.saved_ratio:.1%} of always strong's cost and {_gives_up(replay)}", _way(replay)]


def verdict(replay: Replay) -> str:
    """Return the sentence that recommends, or says why not."""
    coin = replay.coin
    points = (
        f"{100 * coin.difference_ratio:.1f} points of accuracy above the coin "
        f"(95 % interval {100 * coin.low_ratio:.1f} to {100 * coin.high_ratio:.1f})"
    )
    if coin.finding == "better":
        return f"recommended: {points}"
    if coin.finding == "no_better":
        return (
            "not recommended: a coin flip between the two models that costs the same is right on "
            f"{coin.coin_accuracy_ratio:.2%} of the questions and the policy on {replay.routed.accuracy_ratio:.2%}"
        )
    if coin.finding == "dominated":
        outcome = replay.always_cheap if coin.dominated_by == "cheap" else replay.always_strong
        return (
            f"not recommended: always {coin.dominated_by} is right on {outcome.accuracy_ratio:.2%} of the questions and costs "
            f"${outcome.cost_usd:.4g}, and the policy on {replay.routed.accuracy_ratio:.2%} for ${replay.routed.cost_usd:.4g}"
        )
    if coin.finding == "unknown_spread":
        return (
            f"not recommended: {points}, and the interval leaves out how much questions of one row differ in length; add "
            "squared_character_count, or give each question its own row"
        )
    if coin.finding == "too_few":
        return (
            f"not recommended: the models differ on {coin.differing_count} questions, too few to tell the policy from a coin "
            "flip that costs the same; replay more questions"
        )
    return f"not recommended: {points} is within noise, and a coin flip that costs the same may do as well; replay more"


def replay_facts(replay: Replay, *, assumed: dict[str, Any]) -> dict[str, Any]:
    """Return all of it for `--json`; ratios are 0 to 1, costs USD of all questions together."""
    return {
        "policy": replay.policy.policy_id,
        "policy_version": replay.policy.version,
        "cheap_model": replay.cheap.name,
        "strong_model": replay.strong.name,
        "question_count": replay.routed.question_count,
        "escalated_count": replay.escalated_count,
        "decided_by": dict(replay.strategies),
        "assumed": assumed,
        **{
            name: _facts(outcome)
            for name, outcome in (
                ("always_cheap", replay.always_cheap),
                ("policy_outcome", replay.routed),
                ("always_strong", replay.always_strong),
                ("oracle", replay.oracle),
            )
        },
        "saved_ratio": replay.saved_ratio,
        "lost_ratio": replay.lost_ratio,
        "way_to_oracle_ratio": replay.way_to_oracle_ratio,
        "coin": {
            "strong_probability": replay.coin.strong_probability,
            "accuracy_ratio": replay.coin.coin_accuracy_ratio,
            "difference_ratio": replay.coin.difference_ratio,
            "low_ratio": replay.coin.low_ratio,
            "high_ratio": replay.coin.high_ratio,
            "differing_count": replay.coin.differing_count,
            "dominated_by": replay.coin.dominated_by,
            "finding": replay.coin.finding,
        },
        "is_recommended": replay.is_recommended,
        "verdict": verdict(replay),
    }


def _facts(outcome: Outcome) -> dict[str, float]:
    return {
        "accuracy_ratio": outcome.accuracy_ratio,
        "cost_usd": outcome.cost_usd,
        "strong_share_ratio": outcome.strong_share_ratio,
    }


def _row(name: str, outcome: Outcome, replay: Replay) -> tuple[str, ...]:
    strong = replay.always_strong
    of_strong = f"{outcome.accuracy_ratio / strong.accuracy_ratio:.1%}" if strong.accuracy_ratio else "-"
    return (
        name,
        f"{outcome.accuracy_ratio:.4f}",
        of_strong,
        f"{outcome.strong_share_ratio:.1%}",
        f"{1000 * outcome.cost_usd / outcome.question_count:.4f}",
        f"{outcome.cost_usd / strong.cost_usd:.1%}",
    )


def _decided(replay: Replay) -> str:
    by = ", ".join(f"{count:,} by {strategy}" for strategy, count in replay.strategies.items())
    asked_twice = f"; {replay.escalated_count:,} were asked of both" if replay.escalated_count else ""
    return f"decided {by}{asked_twice}"


def _by(model: Any) -> str:
    return f"price {model.price.name} of the policy" if model.price is not None else "list price"


def _gives_up(replay: Replay) -> str:
    points = 100 * replay.lost_ratio
    return f"loses {points:.1f} points of accuracy" if points >= 0 else f"gains {-points:.1f} points of accuracy"


def _way(replay: Replay) -> str:
    way = replay.way_to_oracle_ratio
    if way is None:
        return "always cheap is as right as the oracle: nothing is left for a policy to find"
    oracle = replay.oracle
    coin = coin_accuracy_ratio(oracle.cost_usd, cheap=replay.always_cheap, strong=replay.always_strong)
    return (
        f"lies {way:.1%} of the way from always cheap to the oracle in accuracy "
        f"(the oracle is {100 * (oracle.accuracy_ratio - coin):.1f} points above its own coin, this policy "
        f"{100 * replay.coin.difference_ratio:.1f})"
    )
