"""What kind of task a call does, by its operation, the form of its answer and its lengths: rules, the first that fits wins.

With a text the form of the answer decides; without one there are only numbers, and what they say is less sure. Task types are
those of seed `task_types`. Bounds are starting values and not derived: a finding says how many calls of a kind agree, and is
used only where most do.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import inf

GENERATING = ("chat", "text_completion", "generate_content")


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known of a call; tokens are None where its span does not say them."""

    operation_name: str
    input_tokens: int | None
    output_tokens: int | None
    output_form: str | None
    """One of `output_forms.FORMS`; None where no text is kept."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Calls that do one kind of task. Bounds are included; one that is set holds only where the tokens are known."""

    name: str
    task_type: str | None
    """None: it is known what it is, and no task type stands for it."""
    confidence: str
    """high, medium or low."""
    forms: tuple[str, ...] = ()
    """Forms of the answer; none for a rule by numbers alone, which is for calls without a text."""
    least_input_tokens: int = 0
    most_input_tokens: float = inf
    least_amplification: float = 0.0
    """Output tokens by input tokens."""
    most_amplification: float = inf
    most_output_tokens: float = inf

    def fits(self, facts: CallFacts) -> bool:
        """Whether the call is one of these."""
        if bool(self.forms) != (facts.output_form is not None) or (self.forms and facts.output_form not in self.forms):
            return False
        if facts.input_tokens is None or facts.output_tokens is None:
            return self._is_by_form_alone
        if not facts.output_tokens:
            return False
        amplification = facts.output_tokens / facts.input_tokens if facts.input_tokens else inf
        return (
            self.least_input_tokens <= facts.input_tokens <= self.most_input_tokens
            and facts.output_tokens <= self.most_output_tokens
            and self.least_amplification <= amplification <= self.most_amplification
        )

    @property
    def _is_by_form_alone(self) -> bool:
        bounds = (self.least_input_tokens, self.most_input_tokens, self.least_amplification, self.most_amplification)
        return (*bounds, self.most_output_tokens) == (0, inf, 0.0, inf, inf)


RULES = (
    Rule("answer_is_a_label", "classification", "high", ("label",)),
    Rule("data_out_of_a_longer_input", "extraction", "high", ("json",), least_input_tokens=200, most_amplification=0.5),
    Rule("data_as_long_as_the_input", "form_filling", "low", ("json",)),
    Rule("answer_is_code", None, "high", ("code",)),
    Rule("points_about_a_document", "document_review", "low", ("list",), least_input_tokens=1_000, most_amplification=0.5),
    Rule("short_prose_of_a_document", "summarization", "medium", ("prose",), least_input_tokens=500, most_amplification=0.35),
    Rule("prose_to_a_few_words", "chat", "medium", ("prose", "list"), most_input_tokens=499),
    Rule("a_few_tokens_out", "classification", "medium", most_output_tokens=8),
    Rule("little_out_of_a_long_input", "extraction", "low", least_input_tokens=500, most_amplification=0.05),
    Rule(
        "a_part_of_a_long_input", "summarization", "low",
        least_input_tokens=1_000, least_amplification=0.05, most_amplification=0.35,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Guess:
    """What one call is taken for, and by which rule; None where no rule says."""

    task_type: str | None
    confidence: str | None
    how: str


def guess_task_type(facts: CallFacts, *, known_task_types: Collection[str]) -> Guess:
    """Guess one call's task type; of a rule whose task type the seed does not have, none."""
    if facts.operation_name not in GENERATING:
        return Guess(None, None, "not_generating")
    for rule in RULES:
        if rule.fits(facts):
            if rule.task_type is None or rule.task_type not in known_task_types:
                return Guess(None, None, rule.name)
            return Guess(rule.task_type, rule.confidence, rule.name)
    return Guess(None, None, "no_rule")
