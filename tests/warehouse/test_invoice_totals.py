"""The lines of the bill in the lake are held against the export's own totals: a line too few is found."""

import re

import duckdb

from tests.warehouse.tiny_lake import PROJECT, line, make_raw, run_dbt

SQL = PROJECT / "tests" / "assert_landed_lines_meet_their_totals.sql"


def lines(month: str) -> list[dict]:
    return [
        line(f"{month}-02", "USE1-NovaLite-input-tokens", "1K tokens", 1000, 0.25, bill_invoice_id="in-1"),
        line(f"{month}-02", "USE1-NovaLite-output-tokens", "1K tokens", 1000, 0.75),
    ]


def totals(month: str, change: dict, *, of: int) -> list[dict]:
    """Totals that meet the lines of a month, but for `change` in one of them."""
    rows = [row | {"is_landed": True, "line_count": 1} for row in lines(month)]
    rows[of] |= change
    left_out = {"bill_invoice_id": "in-1", "line_item_product_code": "AmazonEC2", "is_landed": False}
    return [*rows, rows[0] | left_out | {"line_count": 7, "line_item_unblended_cost": 9}]


def test_lines_are_as_many_and_cost_as_much_as_the_export_says(tmp_path):
    cases = {
        "2025-01": totals("2025-01", {}, of=0),
        "2025-02": totals("2025-02", {"line_item_unblended_cost": 0.750000000001}, of=1),
        "2025-03": totals("2025-03", {"line_count": 2}, of=1),
        "2025-04": totals("2025-04", {"bill_invoice_id": "in-2"}, of=0),
        "2025-05": totals("2025-05", {}, of=0)[1:],
    }
    path = tmp_path / "warehouse.duckdb"
    make_raw(
        path,
        lines=[row for month in cases for row in lines(month)],
        invoice_totals=[row for rows in cases.values() for row in rows],
    )
    models = "path:models/staging/aws_billing path:models/staging/focus currency_rates"
    kinds = ("--resource-type=seed", "--resource-type=model")
    ran = run_dbt(path, "build", *kinds, f"--select={models}", as_of_date="2025-06-01")
    assert ran.returncode == 0, ran.stdout
    query = re.sub(r"\{#.*?#\}", "", SQL.read_text(), flags=re.DOTALL)
    query = re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"staging.\1", query)
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute(f"select billing_period, invoice_id from ({query})").fetchall()
    assert sorted(found, key=str) == [
        ("2025-02", None),
        ("2025-03", None),
        ("2025-04", "in-1"),
        ("2025-04", "in-2"),
        ("2025-05", "in-1"),
    ]
