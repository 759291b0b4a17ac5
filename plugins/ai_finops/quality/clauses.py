"""One column of a watched mart: a scalar query that says in words what is off, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ai_finops.quality.gx import Severity, expectations, rule
from ai_finops.quality.kinds import Kind


@dataclass(frozen=True, slots=True)
class Clause:
    """A query for one text: NULL where all is well, else what is off, with its days and figures."""

    column: str
    kind: Kind
    sql: str
    why: str
    severity: Severity = Severity.FAIL

    def expectation(self) -> expectations.Expectation:
        """Return the expectation that the text is NULL."""
        return rule(
            expectations.ExpectColumnValuesToBeNull,
            self.why,
            severity=self.severity,
            kind=self.kind,
            column=self.column,
        )


@dataclass(frozen=True, slots=True)
class Note:
    """A query for one text that is shown beside the verdict, such as that there is nothing to compare with.

    Its column begins with `found.NOTE_PREFIX`.
    """

    column: str
    sql: str


def select(parts: Sequence[Clause | Note]) -> str:
    """Return the query for one row with all of them."""
    return "select\n" + ",\n".join(f"cast(({part.sql}) as varchar) as {part.column}" for part in parts)


def literal(value: object) -> str:
    """Return a value of our own as SQL text."""
    return "'" + str(value).replace("'", "''") + "'"
