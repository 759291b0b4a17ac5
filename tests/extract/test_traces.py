"""Landing a day of traces, against the local AWS over HTTP."""

from dataclasses import replace
from datetime import date

import pytest

from ai_finops.errors import SettingsError, SourceBroken, SourceForbidden, SourceMissing, SourceUnavailable
from ai_finops.extract import s3_objects, traces
from tests import sql
from tests.extract.made import CALL, json_bytes, protobuf_bytes, request, span, zipped
from tests.extract.stand_in import Answer, s3_error

DAY, AS_OF = date(2025, 6, 2), date(2025, 6, 3)
HOUR = "otlp/year=2025/month=06/day=02/hour=12/minute=30"


@pytest.fixture
def put(clients, settings):
    def put(**bodies: bytes) -> None:
        for name, body in bodies.items():
            key = name if "/" in name else f"{HOUR}/{name.replace('__', '.')}"
            clients["s3"].put_object(Bucket=settings.traces_bucket, Key=key, Body=body)

    return put


@pytest.fixture
def land(clients, settings, lake):
    def land(day=DAY, **changes):
        arguments = {"settings": settings, "lake": lake, "clients": clients, "as_of": AS_OF}
        return traces.land(day, **arguments | changes)

    return land


def rows(lake, table: str = "spans", columns: str = "span_id") -> list[tuple]:
    files = [str(file) for file in lake.files("traces", table)]
    return sql.rows(f"select {columns} from read_parquet($1) order by all", files)


def span_numbers(lake) -> list[int]:
    return [int(span_id, 16) for (span_id,) in rows(lake)]


def test_a_day_of_every_kind_of_object(put, land, lake):
    bodies = {
        "a_traces_1__json": json_bytes(request(span(1))),
        "a_traces_2__json__gz": zipped(json_bytes(request(span(2)))),
        "a_traces_3__jsonl": json_bytes(request(span(3)), request(span(4))),
        "a_traces_4__binpb": protobuf_bytes(request(span(5))),
        "a_traces_5__binpb__gz": zipped(protobuf_bytes(request(span(6), span(1)))),
        "a_traces_6__json__gz": zipped(json_bytes(request(span(7))))[:-30],
        "a_traces_7__txt": b"what is this",
        "a_traces_8__json": json_bytes(request(span(8, CALL | {"gen_ai.usage.input_tokens": -1}))),
    }
    put(**bodies)
    outcome = land()
    assert (outcome.status, outcome.landing_date, outcome.as_of_date) == ("loaded", DAY, AS_OF)
    assert (outcome.read_count, outcome.loaded_count) == (10, 6)
    assert (outcome.ignored_count, outcome.quarantined_count, outcome.duplicate_count) == (1, 2, 1)
    assert outcome.bytes_read == sum(map(len, bodies.values()))
    assert outcome.api_call_count == 1 + len(bodies)
    kinds = {(each.service_name, each.operation_name): each.call_count for each in outcome.api_calls}
    assert kinds == {("s3", "ListObjectsV2"): 1, ("s3", "GetObject"): len(bodies)}
    assert outcome.partitions == ("2025-06-02",)
    assert span_numbers(lake) == [1, 2, 3, 4, 5, 6]
    assert {key.rsplit("/", 1)[1] for (key,) in rows(lake, columns="object_key")} <= {
        name.replace("__", ".") for name in bodies
    }
    assert rows(lake, columns="distinct landing_date") == [(DAY,)]
    accounts = rows(lake, "objects", "object_key, read_count, loaded_count, reason")
    assert len(accounts) == len(bodies)
    assert accounts[5] == (f"{HOUR}/a_traces_6.json.gz", 1, 0, "truncated or damaged gzip")
    assert accounts[6][3] == "not a trace file by its name"
    assert len(rows(lake, "quarantine", "object_key")) == 2


def test_only_the_day_s_objects_are_read(put, land, lake):
    body = json_bytes(request(span(1)))
    put(
        **{
            "otlp/year=2025/month=06/day=02/hour=00/minute=00/a.json": body,
            "otlp/year=2025/month=06/day=03/hour=00/minute=00/a.json": json_bytes(request(span(2))),
            "otlp/year=2025/month=06/day=021/a.json": json_bytes(request(span(3))),
            "other/year=2025/month=06/day=02/a.json": json_bytes(request(span(4))),
        }
    )
    assert land().api_call_count == 2
    assert span_numbers(lake) == [1]


def test_the_partition_format_is_a_setting(put, land, settings, lake):
    put(**{"2025/06-02/x.json": json_bytes(request(span(1)))})
    other = replace(settings, traces_prefix="", traces_partition_format="%Y/%m-%d")
    assert traces.day_prefix(DAY, settings=other) == "2025/06-02/"
    assert land(settings=other).loaded_count == 1


OTHER_DAY = "otlp/year=2025/month=05/day=01/hour=12/minute=30/a.json"


def test_an_empty_day_is_a_partition_without_rows(put, land, lake):
    put(**{OTHER_DAY: json_bytes(request(span(1)))})
    outcome = land()
    assert (outcome.status, outcome.read_count) == ("empty", 0)
    assert lake.current_version("traces", "2025-06-02").row_counts["spans"] == 0


@pytest.mark.parametrize("prefix", ["otpl", ""])
def test_a_prefix_below_which_nothing_lies_is_missing(land, settings, lake, prefix):
    said = rf"s3://{settings.traces_bucket}/{prefix}/?; correct AI_FINOPS_TRACES_PREFIX"
    with pytest.raises(SourceMissing, match=said):
        land(settings=replace(settings, traces_prefix=prefix))
    assert not lake.root.exists()


def test_objects_without_spans_are_an_empty_day(put, land):
    put(a__json=json_bytes(request()), b__json=b"")
    assert land().status == "empty"


def test_landing_again_changes_nothing(put, land, lake):
    put(a__json=json_bytes(request(span(2), span(1))), b__binpb=protobuf_bytes(request(span(3))))
    first = land()
    version = lake.current_version("traces", "2025-06-02")
    again = land()
    assert lake.current_version("traces", "2025-06-02") == version
    assert replace(again, extracted_at=first.extracted_at) == first


def test_a_late_object_makes_a_new_version(put, land, lake):
    put(a__json=json_bytes(request(span(1))))
    land()
    put(b__json=json_bytes(request(span(2))))
    land()
    assert lake.current_version("traces", "2025-06-02").number == 2
    assert span_numbers(lake) == [1, 2]


def test_from_rows_to_none_only_when_allowed(put, land, clients, settings, lake):
    put(**{"a__json": json_bytes(request(span(1))), OTHER_DAY: json_bytes(request(span(2)))})
    land()
    clients["s3"].delete_object(Bucket=settings.traces_bucket, Key=f"{HOUR}/a.json")
    with pytest.raises(SourceBroken, match=r"traces 2025-06-02 had 1 rows.*--allow-empty"):
        land()
    assert span_numbers(lake) == [1]
    assert land(allow_empty=True).status == "empty"
    assert span_numbers(lake) == []


def test_from_rows_to_broken_objects_only_is_refused_too(put, land, lake):
    put(a__json=json_bytes(request(span(1))))
    land()
    put(a__json=b"broken")
    with pytest.raises(SourceBroken):
        land()
    assert span_numbers(lake) == [1]


def test_an_object_that_disappears_is_recorded(put, land, lake, monkeypatch):
    put(a__json=json_bytes(request(span(1))))
    listed = s3_objects.list_objects
    ghost = s3_objects.S3Object(f"{HOUR}/b.json", 99)
    monkeypatch.setattr(s3_objects, "list_objects", lambda *args, **names: [*listed(*args, **names), ghost])
    outcome = land()
    assert (outcome.read_count, outcome.loaded_count) == (1, 1)
    assert rows(lake, "objects", "object_key, bytes_read, read_count, reason")[1] == (
        ghost.key,
        0,
        0,
        "gone between listing and reading",
    )


def test_a_missing_bucket_stops_and_leaves_nothing(land, settings, lake):
    said = "^the bucket no-such-bucket does not exist; correct AI_FINOPS_TRACES_BUCKET$"
    with pytest.raises(SourceMissing, match=said):
        land(settings=replace(settings, traces_bucket="no-such-bucket"))
    assert lake.current("traces") == {} and not lake.root.exists()


LISTING = f"""<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>{HOUR}/k1.json</Key><Size>5</Size></Contents>
<Contents><Key>{HOUR}/k2.json</Key><Size>5</Size></Contents></ListBucketResult>"""


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (s3_error("AccessDenied", 403), SourceForbidden),
        (s3_error("InternalError", 500), SourceUnavailable),
        (Answer(body=b"0123456789", cut_after=4), SourceUnavailable),
    ],
)
def test_a_fault_in_the_middle_leaves_the_old_partition(put, land, lake, stand_in_aws, bad, error):
    stand_in_aws.answer = lambda path, number: (
        Answer(body=LISTING.encode()) if "list-type" in path else bad if "k2" in path else Answer(body=b"{}")
    )
    with pytest.raises(error, match=r"k2\.json"):
        land(clients=stand_in_aws.clients)
    assert lake.current("traces") == {}


def test_a_bucket_name_that_is_none_names_its_setting(land, settings):
    with pytest.raises(SettingsError, match=r"'no bucket!' is not a name .* correct AI_FINOPS_TRACES_BUCKET"):
        land(settings=replace(settings, traces_bucket="no bucket!"))


def test_no_text_of_a_prompt_reaches_the_lake(put, land, lake):
    secret = "PLANTED-SECRET-TEXT"
    content = CALL | {"input.value": secret, "gen_ai.prompt.0.content": secret, "gen_ai.input.messages": secret}
    broken = json_bytes(request(span(2, content)))[:-10]
    typed = b'{"resourceSpans":[{"scopeSpans":{"spans":"PLANTED-SECRET-TEXT"}}]}'
    put(a__json=json_bytes(request(span(1, content))), b__json=broken, c__json=typed)
    put(d__binpb=protobuf_bytes(request(span(3, content))))
    assert land().loaded_count == 2
    left = [file for file in lake.root.rglob("*") if file.is_file()]
    assert len(left) > 4
    assert not [file for file in left if secret.encode() in file.read_bytes()]
    version = lake.current_version("traces", "2025-06-02")
    for table in version.row_counts:
        assert secret not in str(sql.rows("from read_parquet($1)", str(version.file(table))))
