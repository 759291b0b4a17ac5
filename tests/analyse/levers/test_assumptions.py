"""What levers take for given, and what they say where nobody gave it."""

import pyarrow as pa
import pytest

from ai_finops.analyse.levers.assumptions import Assumptions
from ai_finops.errors import BuildError


def read(*rows):
    columns = ("assumption_name", "feature_id", "value", "unit", "source", "is_default")
    return Assumptions.from_table(pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows]))


def test_a_features_own_row_goes_before_the_one_for_every_feature():
    rows = read(("fixed", "*", 50.0, "USD", "own", True), ("fixed", "docs", 0.0, "USD", "own", False))
    assert (rows.value("fixed", "docs"), rows.value("fixed", "chat"), rows.value("fixed")) == (0.0, 50.0, 50.0)


def test_evidence_says_where_a_number_comes_from():
    rows = read(
        ("hits", "*", 0.4, "ratio", "article default", True),
        ("lookup", "*", 0.00001, "USD per query", "own", True),
        ("fixed", "*", 50.0, "USD per month", "own", False),
    )
    assert str(rows.find("hits")) == "0.4 ratio (article default)"
    assert str(rows.find("lookup")) == "1e-05 USD per query (own, default)"
    assert str(rows.find("fixed")) == "50 USD per month (own)"


def test_a_missing_row_is_named():
    rows = read(("fixed", "docs", 1.0, "USD", "own", True))
    with pytest.raises(
        BuildError, match=r"lever_assumptions has no fixed for every feature; add that row, with feature_id \*"
    ):
        rows.value("fixed", "chat")
