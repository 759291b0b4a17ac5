"""A month that is larger than memory lands in bounded memory: the landing runs in a process of its own, which says its peak."""

import gzip
import io
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.extract.exports import CUR_SCHEMA, EC2, Exporter, csv_bytes, cur_line

BUDGET_MB = 512
LINES_A_BLOCK = 20_000
LAND = """
import sys
from datetime import date
from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.extract import billing
from ai_finops.lake import Lake

settings = Settings.from_env()
clients = {"s3": aws.client("s3", settings=settings)}
outcome = billing.land(
    date(2025, 6, 20), settings=settings, lake=Lake(settings.lake), clients=clients, as_of=date(2025, 6, 21)
)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(outcome.read_count, outcome.loaded_count, int(peak.split()[1]) // 1024)
"""


def block(ai_every: int) -> list[dict]:
    """Lines of which each has a resource, a cost and a description of its own; every `ai_every`th is Bedrock's."""
    begin = datetime(2025, 6, 1, tzinfo=UTC)
    return [
        cur_line(
            round(0.000123 * number + 1e-9, 12),
            line_item_usage_start_date=begin + timedelta(hours=number % 720),
            line_item_usage_end_date=begin + timedelta(hours=number % 720 + 1),
            line_item_resource_id=f"arn:aws:ec2:us-east-1:111122223333:instance/i-{number * 2654435761 % 2**48:016x}",
            line_item_line_item_description=f"$0.096 per On Demand Linux m5.large Instance Hour, tier {number}",
            line_item_usage_account_id=f"{number % 40:012}",
            bill_invoice_id="in-1",
            **({} if number % ai_every == 0 else EC2 | {"resource_tags": [("user_team", f"t{number % 50}")]}),
        )
        for number in range(LINES_A_BLOCK)
    ]


@pytest.fixture
def land(clients, settings, tmp_path):
    """Deliver a file and land it; return the counts read and loaded, and the peak in MB."""

    def land(**files: bytes) -> tuple[int, int, int]:
        Exporter(clients["s3"], settings.billing_bucket, root="cur/ai-finops/", name="ai-finops").overwrite(**files)
        env = os.environ | {"AI_FINOPS_HOME": str(settings.home), "AI_FINOPS_BILLING_BUCKET": settings.billing_bucket}
        ran = subprocess.run([sys.executable, "-c", LAND], env=env, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        read_count, loaded_count, peak_mb = map(int, ran.stdout.split())
        return read_count, loaded_count, peak_mb

    return land


@pytest.mark.long
@pytest.mark.parametrize(("ai_every", "loaded"), [(50, 30_000), (1, 1_500_000)])
def test_csv_larger_than_the_budget(land, ai_every, loaded):
    header, _, lines = csv_bytes(block(ai_every), names=CUR_SCHEMA.names).partition(b"\n")
    body = io.BytesIO()
    with gzip.open(body, "wb", compresslevel=1) as file:
        file.write(header + b"\n")
        for _ in range(75):
            file.write(lines)
    assert len(lines) * 75 > BUDGET_MB * 1_000_000
    read_count, loaded_count, peak_mb = land(f00001_csv_gz=body.getvalue())
    assert (read_count, loaded_count) == (1_500_000, loaded)
    assert peak_mb < BUDGET_MB


@pytest.mark.long
@pytest.mark.parametrize(("ai_every", "loaded"), [(50, 30_000), (1, 1_500_000)])
def test_parquet_of_one_row_group_larger_than_the_budget(land, ai_every, loaded):
    one = pa.Table.from_pylist(block(ai_every), CUR_SCHEMA)
    whole = pa.concat_tables([one] * 75)
    assert whole.nbytes > BUDGET_MB * 1_000_000
    body = io.BytesIO()
    pq.write_table(whole, body, compression="snappy", row_group_size=whole.num_rows)
    read_count, loaded_count, peak_mb = land(f00001_snappy_parquet=body.getvalue())
    assert (read_count, loaded_count) == (1_500_000, loaded)
    assert peak_mb < BUDGET_MB
