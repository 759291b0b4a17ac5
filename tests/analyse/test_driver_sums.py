"""Two hundred weeks made up at random, none of them empty: their drivers add up to what changed, to a millionth of a dollar."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from random import Random

import pyarrow as pa

from ai_finops.analyse.drivers import split_weeks
from tests.analyse.test_drivers import FIRST, SCHEMA, SECOND, line, untraced
from tests.analyse.test_spend_split import GROUPS, group

CASES = 200
EVERY_DRIVER = {
    *("new_caller", "lost_caller", "new_prompt_version", "volume", "model_mix", "tokens_per_call", "cost_per_token"),
    *("untraced_usage", "unattributed_usage", "cost_not_known"),
}


def random_weeks(random):
    """Rows of allocated cost and of the calls behind them: some callers of one week alone, some costs not known."""
    lines, groups = [], []
    for feature in ("docs", "batch", "chat"):
        for pipeline in ("summarize", "answer"):
            weeks = random.choice(((FIRST, SECOND), (FIRST, SECOND), (FIRST,), (SECOND,)))
            for monday in weeks:
                for model in random.sample(("sonnet", "haiku", "rerank"), k=random.randint(1, 2)):
                    day = monday + timedelta(days=random.randrange(7))
                    calls, tokens = random.randint(1, 2000), random.randrange(10**6)
                    usage = {"calls": calls, "tokens": tokens, "model": model, "pipeline": pipeline}
                    cost = Decimal(random.randrange(-(10**6), 500 * 10**6)) / 10**6
                    if random.random() < 0.08:
                        cost, usage["unknown"] = None, (calls, tokens)
                    lines.append(line(day, feature, cost, **usage))
                    prompt = random.choice((None, "v1", "v2"))
                    groups.append(group(day, feature, cost, prompt=prompt, **usage))
    for monday in (FIRST, SECOND):
        cost = Decimal(random.randrange(50 * 10**6)) / 10**6
        reason = random.choice(("no_trace", "no_feature"))
        lines.append(untraced(monday, "unattributed", cost, reason=reason))
    return lines, groups


def test_two_hundred_random_weeks_are_split_exactly():
    told, unknown = Counter(), 0
    for case in range(CASES):
        lines, groups = random_weeks(Random(case))
        known = [
            (row["usage_date"] >= SECOND, row["allocated_cost_usd"])
            for row in lines
            if row["allocated_cost_usd"] is not None
        ]
        change = sum((cost if is_after else -cost for is_after, cost in known), Decimal(0))
        rows = split_weeks(
            pa.Table.from_pylist(lines, schema=SCHEMA),
            largest_unknown_ratio=0.01,
            call_groups=pa.Table.from_pylist(groups, schema=GROUPS),
        ).to_pylist()
        assert change != 0, case
        assert sum((row["contribution_cost_usd"] for row in rows), Decimal(0)) == change, case
        told.update({row["driver"] for row in rows})
        unknown += len(known) < len(lines)
    # Each kind of driver had its say in many of them, and so had costs that nobody knows.
    assert set(told) == EVERY_DRIVER
    assert min(told.values()) >= 20
    assert unknown >= 50
