"""Data files of an export: read in batches in every format, and named when they cannot be."""

import gzip
import io
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_finops.errors import SourceBroken
from ai_finops.extract import export_files
from ai_finops.extract.export_files import open_lines
from tests.extract.exports import gzipped, zipped
from tests.kept_memory import kept_by

TEXT = b'a,b\n1,"x, ""y"""\n,z\n'
ROWS = [{"a": "1", "b": 'x, "y"'}, {"a": None, "b": "z"}]
MANY = b"a,b\n" + b"".join(b"%d,%d\n" % (number, number % 7) for number in range(200_000))


def read(name: str, content: bytes, *names: str, nulls=("",)) -> list[dict]:
    opened = open_lines(io.BytesIO(content), f"s3://bills/{name}", nulls=nulls)
    return [row for batch in opened.batches(list(names) or opened.names) for row in batch.to_pylist()]


def refused(name: str, content: bytes) -> str:
    with pytest.raises(SourceBroken, match=f"s3://bills/{name}") as raised:
        read(name, content)
    return str(raised.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", TEXT),
        ("a.csv", b"\xef\xbb\xbf" + TEXT),
        ("a.csv", TEXT.replace(b"\n", b"\r\n")),
        ("a.csv.gz", gzipped(TEXT)),
        ("A.CSV.GZ", gzipped(TEXT)),
        ("a.csv.gz", gzipped(TEXT[:14]) + gzipped(TEXT[14:])),  # in two members
        ("a.csv.zip", zipped(TEXT)),
        ("a.zip", zipped(TEXT)),
    ],
)
def test_csv_plain_or_compressed(name, content):
    assert read(name, content) == ROWS


def test_parquet_with_its_own_types():
    body = io.BytesIO()
    table = pa.table(
        {"a": [1, 2], "m": pa.array([[("k", "v")], None], pa.map_(pa.string(), pa.string())), "c": ["x", "y"]}
    )
    pq.write_table(table, body)
    assert read("a.snappy.parquet", body.getvalue(), "m", "a") == [{"m": [("k", "v")], "a": 1}, {"m": None, "a": 2}]


def test_a_large_file_comes_in_batches_and_only_the_columns_asked_for(monkeypatch):
    monkeypatch.setattr(export_files, "BLOCK_BYTES", 64 * 1024)
    monkeypatch.setattr(export_files, "BATCH_ROWS", 10_000)
    body = io.BytesIO()
    pq.write_table(pa.table({"a": range(200_000), "b": range(200_000)}), body)
    for name, content in (("a.csv.gz", gzipped(MANY)), ("a.parquet", body.getvalue())):
        opened = open_lines(io.BytesIO(content), f"s3://bills/{name}", nulls=("",))
        batches = list(opened.batches(["b"]))
        assert sum(batch.num_rows for batch in batches) == 200_000
        assert max(batch.num_rows for batch in batches) <= 20_000
        assert {tuple(batch.column_names) for batch in batches} == {("b",)}


@pytest.mark.parametrize("content", [b"", b"a,b", b"a,b\n", b"a,b\n\n\n"])
def test_a_file_without_lines(content):
    assert read("a.csv", content) == read("a.csv.gz", gzipped(content)) == read("a.csv.zip", zipped(content)) == []


def test_a_part_overwritten_with_nothing_is_empty_in_every_format():
    for name in ("a.csv", "a.csv.gz", "a.csv.zip", "a.snappy.parquet"):
        opened = open_lines(io.BytesIO(b""), f"s3://bills/{name}", nulls=("",))
        assert (opened.names, list(opened.batches([]))) == ([], [])


def test_what_stands_for_no_value_is_the_formats_own():
    assert read("a.csv", b"a,b\nNULL,\n", nulls=("", "NULL")) == [{"a": None, "b": None}]
    assert read("a.csv", b"a,b\nNULL,\n") == [{"a": "NULL", "b": None}]


def test_a_value_may_hold_a_line_break():
    assert read("a.csv", b'a,b\n1,"x\ny"\n2,z\n') == [{"a": "1", "b": "x\ny"}, {"a": "2", "b": "z"}]


@pytest.mark.parametrize(
    "content",
    [
        b'a,b\n1,"2\n3,4\n5,6\n',  # swallows the rest of the file
        b'a,b\n1,2\n3,"4',
        b'a,b\n1,x"y\n3,4\n',
        b'a,"b\n1,2\n',
    ],
)
def test_a_quote_that_is_never_closed(content):
    assert "quote" in refused("a.csv", content) or "unexpected end" in refused("a.csv", content)


def test_a_quote_that_swallows_more_than_a_line_may_hold(monkeypatch):
    monkeypatch.setattr(export_files, "BLOCK_BYTES", 64 * 1024)
    assert "longer than 65536 bytes, or a quote" in refused("a.csv.gz", gzipped(b'a,b\n1,"' + MANY))


def test_a_line_with_a_value_too_few_says_so_and_not_what_it_holds():
    said = refused("a.csv", b"a,b\n1,2\nsecret\n")
    assert "Expected 2 columns, got 1" in said
    assert "secret" not in said


def test_another_encoding_names_the_column():
    assert "column b" in refused("a.csv", "a,b\n1,Zürich\n".encode("latin-1"))
    assert "header is not UTF-8" in refused("a.csv", "ä,b\n1,2\n".encode("latin-1"))
    assert "header is not UTF-8" in refused("a.csv", "a,b\n1,2\n".encode("utf-16"))


@pytest.mark.parametrize("lost", [1, 9, 1000])
def test_a_truncated_gzip(lost):
    assert "Truncated" in refused("a.csv.gz", gzipped(MANY)[:-lost])


@pytest.mark.parametrize("name", ["b.csv.gz", "b.csv.zip", "b.csv"])
def test_a_broken_file_keeps_no_memory(name):
    content = {"b.csv.gz": gzipped(MANY)[:-9], "b.csv.zip": zipped(MANY)[:-9], "b.csv": MANY + b"1\n"}[name]
    assert kept_by(lambda: refused(name, content)) < 10_000


def test_gzip_that_is_none_or_damaged():
    assert "incorrect header" in refused("a.csv.gz", TEXT)
    damaged = bytearray(gzip.compress(MANY))
    damaged[-8] ^= 255  # the checksum
    assert "incorrect data check" in refused("a.csv.gz", bytes(damaged))


def test_zip_that_is_none_damaged_or_holds_two_files():
    assert "not a zip file" in refused("a.zip", b"PK and no more")
    damaged = bytearray(zipped(MANY))
    damaged[5000] ^= 255
    assert refused("a.zip", bytes(damaged))
    two = io.BytesIO(zipped(TEXT))
    with zipfile.ZipFile(two, "a") as archive:
        archive.writestr("b.csv", TEXT)
    assert "holds 2 files, not one" in refused("a.zip", two.getvalue())


def test_a_parquet_file_that_is_a_bomb_is_not_opened(monkeypatch):
    table = pa.table({"a": ["a" * 2**20, None], "b": ["x", "y"], "dotted": [[("k", "v" * 2**19)], None]})
    body = io.BytesIO()
    pq.write_table(table, body, compression="zstd", use_dictionary=False, row_group_size=1)
    assert len(body.getvalue()) < 10_000
    size = pq.read_metadata(body).row_group(0).total_byte_size
    monkeypatch.setattr(export_files, "MAX_GROUP_BYTES", size)
    assert [row["b"] for row in read("b.parquet", body.getvalue())] == ["x", "y"]
    monkeypatch.setattr(export_files, "MAX_GROUP_BYTES", size - 1)
    assert f"row group 0 holds {size} bytes, more than {size - 1}" in refused("b.parquet", body.getvalue())


def test_half_a_parquet_file():
    body = io.BytesIO()
    pq.write_table(pa.table({"a": range(1000)}), body)
    assert "cannot be read" in refused("a.parquet", body.getvalue()[:-40])
    assert "cannot be read" in refused("a.parquet", b"PAR1 and no more")


def test_a_format_that_is_not_read():
    assert "is none of .parquet, .csv.gz" in refused("a.json", b"{}")


def test_an_error_of_whoever_takes_the_lines_is_not_the_files():
    opened = open_lines(io.BytesIO(TEXT), "s3://bills/a.csv", nulls=("",))
    with pytest.raises(OSError, match="no space left"):
        for _ in opened.batches(["a"]):
            raise OSError("no space left")
