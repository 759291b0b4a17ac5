"""A policy of two models and questions by hand, for tests of a replay."""

from __future__ import annotations

from pathlib import Path

from ai_finops.router.policy import Model, ModelPrice, Policy, Strategy, TaskTypeStrategy, Tier

# 1M tokens cost $1 on the cheap model and $10 on the strong one.
SMALL = Model("small", "aws.bedrock", "small-1", "cheap", 1, ModelPrice("made", 1, 1))
LARGE = Model("large", "aws.bedrock", "large-1", "strong", 2, ModelPrice("made", 10, 10))
EASY_IS_CHEAP = TaskTypeStrategy({"easy": "cheap", "hard": "strong"})
HARD_IS_CHEAP = TaskTypeStrategy({"easy": "strong", "hard": "cheap"})

# task type, cheap right, strong right. Of five easy ones both are right on four and the strong one alone on one; of five hard
# ones both on one, the strong one alone on three, the cheap one alone on one.
TEN = (
    *[("easy", True, True)] * 4,
    ("easy", False, True),
    ("hard", True, True),
    *[("hard", False, True)] * 3,
    ("hard", True, False),
)


def policy(*strategies: Strategy, default_tier: str = "strong", models: tuple[Model, ...] = (SMALL, LARGE)) -> Policy:
    """Return a policy of these strategies, a tier for each model."""
    tiers = {model.tier: Tier(model.tier, (model,)) for model in models}
    return Policy("made", "0123456789ab", models, tiers, strategies, default_tier)


def write_ten(path: Path, *, question_count: int = 1) -> Path:
    """Write the ten rows as CSV: 1,000 tokens in and none out a question."""
    lines = ["task_type,cheap_correct,strong_correct,input_tokens,output_tokens,question_count"]
    lines += [f"{task},{cheap},{strong},1000,0,{question_count}" for task, cheap, strong in TEN]
    path.write_text("\n".join(lines) + "\n")
    return path
