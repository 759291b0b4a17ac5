"""Collects the invocations of a landing in a DuckDB of its own, and gives them out as the lake's tables.

The fast way reads tens of megabytes of lines in one statement. When DuckDB refuses them, the lines are halved and parsed again
until those that it refuses stand alone; these are quarantined and the rest is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import BinaryIO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ai_finops.extract import bedrock_log_sql, json_lines
from ai_finops.extract.accounts import Accounts
from ai_finops.extract.contents import Texts
from ai_finops.extract.sifting import sift
from ai_finops.lake_schemas import INVOCATIONS
from ai_finops.privacy.user_keys import FORGOTTEN
from ai_finops.privacy.users import Users

MAX_LINE_BYTES = 4 * 1024 * 1024
"""A longer line is quarantined. Each of a line's two bodies is 100 KB at most, a larger one is an object of its own."""
MAX_OBJECT_BYTES = 4 * 1024 * 1024 * 1024
"""Decompressed; what comes after it is quarantined."""
SPOOL_BYTES = 32 * 1024 * 1024
MEMORY_LIMIT = "300MB"
THREADS = 2
"""Each has buffers of its own, so the memory is the same on a machine with many."""
NOT_A_LOG = "not an invocation log: it has no schemaType"
TOO_MANY_VALUES = "a body of so many values that reading it takes too much memory"
OTHER_SHAPE = "not an invocation log: a field has another type, comes twice or is not Unicode"
MODELS = pa.schema(
    {
        name: pa.string()
        for name in ("account_id", "region_id", "said", "resolved_model_id", "region_scope", "inference_profile_arn")
    }
)
"""What the names of models stand for, by who used them where."""
_TAG = re.compile(rb'\{"_object":(\d+),"_line":(\d+),"_offset":(\d+),')
_UNREADABLE = (
    duckdb.InvalidInputException,
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    UnicodeDecodeError,  # DuckDB's error quotes what it could not read, and its own binding cannot read the quotation
    duckdb.OutOfMemoryException,  # a body of many small values takes many times its bytes; its neighbours fit alone
)


class InvocationLoader:
    """Takes objects one after the other; `finish` ends the taking. Everything it writes lies in `folder`."""

    def __init__(
        self, folder: Path, *, accounts: Accounts, users: Users, as_of: date, keeps_content: bool = False
    ) -> None:
        self._accounts = accounts
        self._users = users
        self._folder = folder
        self._as_of = as_of
        self._spool_path = folder / "spool.jsonl"
        self._spool: BinaryIO | None = None
        self._duckdb = duckdb.connect()
        self._duckdb.execute(
            f"set memory_limit='{MEMORY_LIMIT}'; set threads={THREADS}; set TimeZone='UTC'; "
            "set preserve_insertion_order=false"
        )
        self._duckdb.execute("set temp_directory=" + _text(str(folder / "duckdb")))
        self._duckdb.execute(f"create table flat as {self._flatten(bedrock_log_sql.empty_records_sql())}")
        self._keeps_content = keeps_content
        if keeps_content:
            self._duckdb.execute(
                f"create table contents as {bedrock_log_sql.contents_sql(bedrock_log_sql.empty_records_sql())}"
            )

    def close(self) -> None:
        """Give back the memory and the files."""
        self._duckdb.close()
        self._close_spool()

    def add(self, number: int, file: BinaryIO) -> None:
        """Take an object of JSON Lines; what cannot be read of it is quarantined."""
        for line in json_lines.read_lines(file, max_line_bytes=MAX_LINE_BYTES, max_file_bytes=MAX_OBJECT_BYTES):
            problem = line.problem or _problem_of(line.content)
            if problem:
                self._accounts.quarantine(number, place=line.place, reason=problem)
            else:
                self._write(_tagged(line, object_number=number))

    def finish(self, *, places: list[tuple[str, str]]) -> list[tuple[str | None, str | None, str]]:
        """Load what is left and settle the accounts.

        Args:
            places: Account and region of each object, by its number, from its key: for lines that do not say them.
        Returns:
            (account, region, model as said) of the calls, each once: what `tables` needs to be told about.
        """
        self._load_spool()
        numbered = {
            "object_number": pa.array(range(len(places)), pa.int32()),
            "key_account": pa.array([account for account, _ in places], pa.string()),
            "key_region": pa.array([region for _, region in places], pa.string()),
            "object_key": pa.array([each.object_key for each in self._accounts.objects], pa.string()),
        }
        self._duckdb.register("places", pa.table(numbered))
        self._duckdb.execute("""
            create view placed as
            select flat.* replace (
                coalesce(account_id, key_account) as account_id, coalesce(region_id, key_region) as region_id
            ), flat.rowid as row_id, object_key
            from flat join places using (object_number)""")
        self._mark_duplicates()
        self._settle()
        self._hide_users()
        return self._rows("""
            select distinct account_id, region_id, coalesce(invoked_model_id, model_id) as said
            from kept where said is not null order by all""")

    def tables(self, *, models: pa.Table, landing_date: date) -> dict[str, pa.Table | Path]:
        """Return the lake's tables; `models` has the columns of `MODELS`."""
        path = self._folder / "invocations.parquet"
        self._duckdb.register("models", models)
        self._duckdb.execute("set preserve_insertion_order=true")
        columns = ", ".join(
            f"date '{landing_date}' as landing_date" if name == "landing_date" else f"{_owner(name)}.{name}"
            for name in INVOCATIONS.names
        )
        self._duckdb.execute(f"""
            copy (
                select {columns}
                from hidden as kept left join models
                    on kept.account_id is not distinct from models.account_id
                        and kept.region_id is not distinct from models.region_id
                        and coalesce(kept.invoked_model_id, kept.model_id) = models.said
                order by kept.account_id, kept.region_id, kept.request_id
            ) to {_text(str(path))} (format parquet, compression zstd)""")  # noqa: S608 - names of the schema, a date and a path of our own
        return {
            "invocations": path,
            "objects": self._accounts.objects_table(),
            "quarantine": self._accounts.quarantine_table(),
        }

    def contents(self, *, landing_date: date) -> Texts | None:
        """Return the bodies of the loaded calls, after `finish`; None where they are not kept."""
        if not self._keeps_content:
            return None
        path = self._folder / "invocation_contents.parquet"
        self._duckdb.execute(f"""
            copy (
                select request_id, account_id, region_id, content_kind, content, date '{landing_date}' as landing_date
                from contents inner join hidden using (object_number, object_line)
                where not is_forgotten
                order by all
            ) to {_text(str(path))} (format parquet, compression zstd)""")  # noqa: S608 - a date and a path of our own
        return Texts(path, pq.read_metadata(path).num_rows)

    def _hide_users(self) -> None:
        """Make view `hidden`: the kept calls with pseudonyms, and with nothing that says whose a forgotten user's are."""
        said = self._rows(f"""
            select distinct user_id from kept where user_id is not null
            union select distinct {bedrock_log_sql.PERSON_OF_IDENTITY} from kept order by all""")  # noqa: S608 - a constant
        named = self._users.named(each for (each,) in said)
        pairs = {"said": pa.array(named.keys(), pa.string()), "pseudonym": pa.array(named.values(), pa.string())}
        ids = pa.array(sorted(self._users.forgotten_ids), pa.string())
        self._duckdb.register("named_now", pa.table(pairs))
        self._duckdb.execute("create table pseudonyms as select * from named_now where said is not null")
        self._duckdb.unregister("named_now")
        self._duckdb.register("ids_now", pa.table({"id": ids}))
        self._duckdb.execute("create table forgotten_ids as from ids_now")
        self._duckdb.unregister("ids_now")
        self._duckdb.execute(
            f"create view hidden as {bedrock_log_sql.hidden_sql('kept', FORGOTTEN, keeps_users=self._users.keeps)}"
        )
        theirs = self._rows("select request_id, response_id from hidden where is_forgotten order by all")
        self._users.remember_ids(each for row in theirs for each in row)

    def _write(self, line: bytes) -> None:
        if self._spool is None:
            self._spool = self._spool_path.open("wb")
        self._spool.write(line)
        if self._spool.tell() >= SPOOL_BYTES:
            self._load_spool()

    def _close_spool(self) -> None:
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def _load_spool(self) -> None:
        if self._spool is None:
            return
        self._close_spool()
        try:
            self._insert()
        except _UNREADABLE:
            lines = [line + b"\n" for line in self._spool_path.read_bytes().split(b"\n") if line]
            self._insert_readable(lines)
        self._spool_path.unlink()

    def _insert_readable(self, lines: list[bytes]) -> None:
        """Insert the lines that DuckDB can read, and quarantine the others; those that are no records are found by parsing."""

        def parse(part: Sequence[bytes]) -> None:
            self._spool_path.write_bytes(b"".join(part))
            records = bedrock_log_sql.records_sql(self._spool_path)
            # Of all that is in them: what a query does not need is not read, and so not refused.
            self._duckdb.execute(f"select count(columns(*)) from {records}").fetchall()  # noqa: S608 - a path of our own

        def insert(part: Sequence[bytes]) -> None:
            self._spool_path.write_bytes(b"".join(part))
            self._insert()

        records, refused = sift(lines, attempt=parse, errors=_UNREADABLE)
        _, refused_later = sift(records, attempt=insert, errors=_UNREADABLE)
        for tagged, error in (*refused, *refused_later):
            number, line = _untagged(tagged)
            problem = json_lines.json_problem(line.content) or OTHER_SHAPE
            if issubclass(error, duckdb.OutOfMemoryException):
                problem = TOO_MANY_VALUES
            self._accounts.quarantine(number, place=line.place, reason=problem)

    def _insert(self) -> None:
        """Insert the spool's lines, all or none."""
        records = bedrock_log_sql.records_sql(self._spool_path)
        self._duckdb.begin()
        try:
            self._duckdb.execute(f"insert into flat {self._flatten(records)}")
            if self._keeps_content:
                self._duckdb.execute(f"insert into contents {bedrock_log_sql.contents_sql(records)}")
        except BaseException:
            self._duckdb.rollback()
            raise
        self._duckdb.commit()

    def _flatten(self, relation: str) -> str:
        return bedrock_log_sql.flatten_sql(relation, as_of=self._as_of)

    def _mark_duplicates(self) -> None:
        """Of calls that came more than once keep the most complete usage, then the first object, then the first line."""
        self._duckdb.execute(f"""
            create table repeats as
            select row_id from (
                select row_id, row_number() over (
                    partition by account_id, region_id, request_id
                    order by {bedrock_log_sql.COMPLETENESS} desc, object_key, object_line
                ) as rank
                from placed
                semi join (
                    select request_id from flat where reason is null group by request_id having count(*) > 1
                ) as repeated using (request_id)
                where reason is null
            ) where rank > 1""")  # noqa: S608 - constants
        self._duckdb.execute("""
            create view kept as
            select * from placed where reason is null and row_id not in (select row_id from repeats)""")

    def _settle(self) -> None:
        for kind, where in {
            "loaded_count": "reason is null and rowid not in (select row_id from repeats)",
            "duplicate_count": "rowid in (select row_id from repeats)",
        }.items():
            query = f"select object_number, count(*) from flat where {where} group by all"  # noqa: S608 - constants
            for number, count in self._rows(query):
                account = self._accounts.objects[number]
                setattr(account, kind, count)
                account.read_count += count
        wrong = self._rows("""
            select object_number, reason, min([object_line, object_offset]) as first, count(*)
            from flat where reason is not null group by object_number, reason order by object_number, reason""")
        for number, reason, (line, offset), count in wrong:
            more = f" and {count - 1} more" if count > 1 else ""
            place = json_lines.Line(line, offset, b"").place + more
            self._accounts.quarantine(number, place=place, reason=reason, record_count=count)

    def _rows(self, query: str) -> list[tuple]:
        return self._duckdb.execute(query).fetchall()


def _problem_of(content: bytes) -> str | None:
    """Tell what is no log line without reading all of one; the reader of the lines finds out about the rest."""
    if content.startswith(b"{") and b'"schemaType"' in content:
        return None
    return json_lines.json_problem(content) or NOT_A_LOG


def _tagged(line: json_lines.Line, *, object_number: int) -> bytes:
    """Return the line as DuckDB is to read it: with its object, its number and its offset in it."""
    return (
        b'{"_object":%d,"_line":%d,"_offset":%d,' % (object_number, line.number, line.offset) + line.content[1:] + b"\n"
    )


def _untagged(tagged_line: bytes) -> tuple[int, json_lines.Line]:
    match = _TAG.match(tagged_line)
    number, line, offset = (int(group) for group in match.groups())
    return number, json_lines.Line(line, offset, b"{" + tagged_line[match.end() :].rstrip(b"\n"))


def _owner(column: str) -> str:
    return "models" if column in ("resolved_model_id", "region_scope", "inference_profile_arn") else "kept"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
