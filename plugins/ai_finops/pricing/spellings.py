"""Which model of the catalog a name stands for: genai-prices' match rules as rows of the seed `catalog_spellings`.

Dated suffixes, aliases, vendors' own names on other platforms: genai-prices knows them as rules that it tries in order. Here
they are data, so that the warehouse reads every name as genai-prices would. After another version of it:
`python -m ai_finops.pricing.spellings > dbt_project/seeds/catalog_spellings.csv`.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from typing import TextIO

from genai_prices import types
from genai_prices.data_snapshot import get_snapshot

from ai_finops.extract.bedrock_profiles import GEOGRAPHIES
from ai_finops.pricing.catalog import catalog_prices
from ai_finops.pricing.providers import models_sold, span_names, split_scope

_GEOGRAPHY = re.compile(rf"^/?({'|'.join(GEOGRAPHIES)})\.")
"""Stands before Bedrock's model ids; the warehouse takes it off before it looks."""
_KINDS = {
    types.ClauseEquals: ("equals", "equals"),
    types.ClauseStartsWith: ("starts_with", "starts_with"),
    types.ClauseEndsWith: ("ends_with", "ends_with"),
    types.ClauseContains: ("contains", "contains"),
    types.ClauseRegex: ("pattern", "regex"),
}
_NOT_HOLDING = re.compile(r"\^\(\?!\.\*(?P<pattern>.+)\)")


@dataclass(frozen=True, slots=True)
class Spelling:
    """One rule: names like this, in lower case, are this model, unless a rule of lower precedence number fits."""

    provider_name: str
    precedence: int
    match_kind: str
    spelling: str
    excluded_pattern: str
    """What the name must not hold; empty: nothing."""
    model_id: str


def catalog_spellings() -> list[Spelling]:
    """Return the rules by provider name and precedence.

    Raises:
        ValueError: A rule is of a kind that the warehouse cannot try; says whose.
    """
    priced = {(price.provider_name, price.model_id) for price in catalog_prices()}
    return [
        Spelling(provider_name, precedence, *rule)
        for provider in get_snapshot().providers
        for provider_name in span_names(provider.id)
        for precedence, rule in enumerate(dict.fromkeys(_rules(provider)), start=1)
        # A name that is the id itself needs no rule where the price table has it.
        if rule[:2] != ("equals", rule[-1]) or (provider_name, rule[-1]) not in priced
    ]


def _rules(provider: types.Provider) -> Iterator[tuple[str, str, str, str]]:
    for catalog_id, model in models_sold(provider):
        model_id, _ = split_scope(catalog_id, provider.id)
        for clauses in _alternatives(model.match):
            kind, spelling, excluded = rule_of(clauses, of=f"{provider.id}'s {model.id}")
            if provider.id == "aws":
                spelling = _GEOGRAPHY.sub("", spelling)
            yield kind, spelling, excluded, model_id


def _alternatives(match: types.MatchLogic) -> list[list[types.MatchLogic]]:
    """Return the rule as alternatives, each a list of clauses that must all hold."""
    if isinstance(match, types.ClauseOr):
        return [alternative for clause in match.or_ for alternative in _alternatives(clause)]
    if isinstance(match, types.ClauseAnd):
        found: list[list[types.MatchLogic]] = [[]]
        for clause in match.and_:
            found = [[*before, *alternative] for before in found for alternative in _alternatives(clause)]
        return found
    return [[match]]


def rule_of(clauses: list[types.MatchLogic], *, of: str) -> tuple[str, str, str]:
    """Return clauses that must all hold as match kind, spelling and excluded pattern.

    Raises:
        ValueError: They are no one match with exclusions; says whose (`of`).
    """
    excluded, matching = [], []
    for clause in clauses:
        regex = clause.regex if isinstance(clause, types.ClauseRegex) else ""
        looks_around = "(?=" in regex or "(?!" in regex
        found = _NOT_HOLDING.fullmatch(regex)
        if found:
            excluded.append(found["pattern"])
        elif not looks_around:
            matching.append(clause)
    if len(matching) != 1 or len(matching) + len(excluded) != len(clauses):
        raise ValueError(f"the rule of {of} cannot be tried as one match and its exclusions: {clauses}")
    kind, attribute = _KINDS[type(matching[0])]
    text = getattr(matching[0], attribute)
    return kind, text if kind == "pattern" else text.lower(), "|".join(excluded)


def write_seed(file: TextIO) -> None:
    """Write the seed."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([field.name for field in fields(Spelling)])
    writer.writerows(map(astuple, catalog_spellings()))


if __name__ == "__main__":
    write_seed(sys.stdout)
