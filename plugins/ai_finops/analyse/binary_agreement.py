"""How far yes-or-no decisions agree with labels that a person gave: counts, and the measures that are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from ai_finops.analyse.agreement import Z_95, wilson_interval


@dataclass(frozen=True, slots=True)
class BinaryAgreement:
    """Decisions against labels, counted; there is at least one of each label and of each decision."""

    both_yes_count: int
    decided_only_count: int
    labelled_only_count: int
    both_no_count: int

    @property
    def labelled_count(self) -> int:
        """All cases."""
        return self.both_yes_count + self.decided_only_count + self.labelled_only_count + self.both_no_count

    @property
    def agreement_ratio(self) -> float:
        """Share of cases decided as they are labelled (accuracy)."""
        return self._agreed_count / self.labelled_count

    @property
    def agreement_interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the agreement, as if the cases were independent."""
        return wilson_interval(self._agreed_count, sample_count=self.labelled_count)

    @property
    def precision_ratio(self) -> float:
        """Of cases decided yes, the share labelled yes."""
        return self.both_yes_count / (self.both_yes_count + self.decided_only_count)

    @property
    def recall_ratio(self) -> float:
        """Of cases labelled yes, the share decided yes."""
        return self.both_yes_count / (self.both_yes_count + self.labelled_only_count)

    @property
    def kappa(self) -> float:
        """Cohen's kappa: the agreement beyond what the same shares of yes would give by chance; 1 is full, 0 is chance."""
        return (self.agreement_ratio - self._chance) / (1 - self._chance)

    @property
    def kappa_interval(self) -> tuple[float, float]:
        """95 % interval of kappa by its large-sample error, sqrt(p(1 − p) / n) / (1 − chance), clipped to −1 and 1."""
        error = sqrt(self.agreement_ratio * (1 - self.agreement_ratio) / self.labelled_count) / (1 - self._chance)
        return max(-1.0, self.kappa - Z_95 * error), min(1.0, self.kappa + Z_95 * error)

    @property
    def _agreed_count(self) -> int:
        return self.both_yes_count + self.both_no_count

    @property
    def _chance(self) -> float:
        decided, labelled = (
            (self.both_yes_count + other) / self.labelled_count
            for other in (self.decided_only_count, self.labelled_only_count)
        )
        return decided * labelled + (1 - decided) * (1 - labelled)


def compare(decisions: Sequence[bool], *, labels: Sequence[bool]) -> BinaryAgreement:
    """Count decisions against labels of the same cases, in the same order."""
    pairs = list(zip(decisions, labels, strict=True))
    return BinaryAgreement(
        *(pairs.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False)))
    )
