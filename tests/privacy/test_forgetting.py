"""A user is forgotten: nothing below the home names them, all amounts stay, and what is landed again names them no more."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_finops.build import build_all
from ai_finops.errors import SettingsError
from ai_finops.extract.accounts import Accounts
from ai_finops.extract.bedrock_log_loader import MODELS, InvocationLoader
from ai_finops.lake import Lake
from ai_finops.privacy import forgetting, user_keys
from ai_finops.privacy.forgetting import forget
from ai_finops.privacy.sweep import files_naming
from ai_finops.privacy.users import landing_users
from ai_finops.publish import current_build, open_published
from tests.dbt_forks import fork_builds, leave_generic_tests_out
from tests.extract.invocations import lines, record
from tests.extract.made import CALL, json_bytes, nanoseconds, request, span

DAY, NEXT = date(2025, 6, 2), date(2025, 6, 3)
NOW = datetime(2025, 6, 10, 12, tzinfo=UTC)
ALICE, BOB = "alice@example.com", "bob@example.com"
ALICES, BOBS, BOTH = ("a" * 32, "b" * 32, "c" * 32)
SAID = "the words that she wrote"
QUERY = {"finops.query_fingerprint": "0123456789abcdef", "input.value": SAID}


def at(day: date, minute: int) -> dict:
    started = datetime(day.year, day.month, day.day, 12, minute, tzinfo=UTC)
    return {"startTimeUnixNano": nanoseconds(started), "endTimeUnixNano": nanoseconds(started.replace(second=2))}


def call(number: int, trace: str, day: date = DAY, *, user: str | None = None, **plain) -> dict:
    named = ({"user.id": user} if user else {}) | {"session.id": f"session of {trace[:4]}", "finops.feature": "search"}
    return span(number, CALL | named | plain, traceId=trace, **at(day, number))


@pytest.fixture
def landed(put, land):
    """Two days: the span below Alice's names nobody and holds what she wrote; the second day has the rest of her trace."""
    below = call(2, ALICES, **QUERY) | {"parentSpanId": f"{1:016x}"}
    first = request(below, call(1, ALICES, user=ALICE), call(3, BOBS, user=BOB, **{"input.value": "bob's words"}))
    put(DAY, "a.json", json_bytes(first, request(call(9, ALICES, **{"gen_ai.usage.input_tokens": -1}))))
    put(NEXT, "b.json", json_bytes(request(call(4, ALICES, NEXT, **QUERY), call(5, BOTH, NEXT, user=f" {ALICE} "))))
    for day in (DAY, NEXT):
        land(day)


def spans(lake: Lake) -> list[dict]:
    return [row for file in lake.files("traces", "spans") for row in pq.read_table(file, partitioning=None).to_pylist()]


def users(lake: Lake) -> dict[int, tuple]:
    return {int(row["span_id"], 16): (row["user_id"], row["journey_id"]) for row in spans(lake)}


def pseudonym(settings, user: str) -> str | None:
    with user_keys.opened(settings) as keys:
        return keys.pseudonym(user)


def naming(settings, *needles: str) -> list[str]:
    """Files that hold one of the texts, the keys' own folder included."""
    found = files_naming(settings.home, needles, leaving_out=settings.home / "nothing")
    return [str(path.relative_to(settings.home)) for path in found]


def content(lake: Lake) -> dict[tuple[str, str], list]:
    """What each partition holds, by family and day."""
    return {
        (family, key): [
            pq.read_table(version.file(table), partitioning=None).to_pylist() for table in sorted(version.row_counts)
        ]
        for family in ("traces", "trace_contents", "trace_queries", "context_uses")
        for key, version in lake.current(family).items()
    }


def test_a_landing_names_nobody(settings, lake, landed):
    alice, bob = pseudonym(settings, ALICE), pseudonym(settings, BOB)
    assert alice and bob and alice != bob
    assert {number: user for number, (user, _) in users(lake).items()} == {1: alice, 2: None, 3: bob, 4: None, 5: alice}
    assert naming(settings, ALICE, BOB) == []
    assert naming(settings, SAID) != []


def test_a_dry_run_counts_and_changes_nothing(settings, lake, landed):
    before = content(lake)
    done = forget(ALICE, settings=settings, now=NOW, is_dry=True)
    assert dict(done.rows) == {"traces": 4, "trace_contents": 2, "trace_queries": 2}
    assert content(lake) == before and pseudonym(settings, ALICE)
    assert done.lines()[0] == "traces: 4 rows in 2 partitions"


def test_the_user_is_in_no_file_and_stays_out_of_what_lands_again(settings, lake, landed, land):
    alice, bob = pseudonym(settings, ALICE), pseudonym(settings, BOB)
    counts = [(row["span_id"], row["uncached_input_tokens"], row["started_at"]) for row in spans(lake)]
    forget(ALICE, settings=settings, now=NOW)
    gone = ("forgotten_user", None)
    assert users(lake) == {1: gone, 2: (None, None), 3: (bob, f"session of {BOBS[:4]}"), 4: (None, None), 5: gone}
    assert [(row["span_id"], row["uncached_input_tokens"], row["started_at"]) for row in spans(lake)] == counts
    assert naming(settings, ALICE, alice, SAID, f"session of {ALICES[:4]}") == []
    assert naming(settings, "bob's words") != []
    (set_aside,) = pq.read_table(lake.current("traces")[str(DAY)].file("quarantine"), partitioning=None).to_pylist()
    assert (set_aside["place"], set_aside["record_count"]) == ("line 2", 1)

    after, versions = content(lake), {key: each.path for key, each in lake.current("traces").items()}
    for day in (NEXT, DAY):
        land(day)
    assert content(lake) == after
    assert {key: each.path for key, each in lake.current("traces").items()} == versions
    assert naming(settings, ALICE, alice, SAID) == []


def test_a_later_span_of_a_forgotten_users_trace_is_theirs(settings, lake, landed, put, land):
    forget(ALICE, settings=settings, now=NOW)
    late = date(2025, 6, 4)
    put(late, "c.json", json_bytes(request(call(6, ALICES, late, **QUERY), call(7, "d" * 32, late, user=ALICE))))
    land(late)
    assert (users(lake)[6], users(lake)[7]) == ((None, None), ("forgotten_user", None))
    assert naming(settings, ALICE, SAID) == []


def test_a_key_that_is_gone_is_never_made_again(settings, landed):
    before = pseudonym(settings, ALICE)
    forget(ALICE, settings=settings, now=NOW)
    assert pseudonym(settings, ALICE) is None
    with user_keys.opened(settings) as keys:
        assert keys.pseudonyms([ALICE]) == {ALICE: "forgotten_user"}
        assert (keys.forgotten_on(ALICE), keys.is_half_forgotten(ALICE)) == (NOW.date(), False)
    assert before not in (settings.home / "privacy" / "forgettings.jsonl").read_text()


def test_what_was_done_is_noted_without_a_name(settings, landed):
    forget(ALICE, settings=settings, now=NOW)
    noted = [json.loads(line) for line in (settings.home / "privacy" / "forgettings.jsonl").read_text().splitlines()]
    assert [(each["begun_at"], each["rows"]["traces"], each["left"]) for each in noted] == [
        ("2025-06-10T12:00:00+00:00", 4, [])
    ]
    assert ALICE not in str(noted)


@pytest.mark.parametrize("step", ["write_again", "drop_said", "drop_old_versions", "files_naming"])
def test_killed_anywhere_it_goes_on_where_it_was(settings, lake, landed, monkeypatch, step):
    alice = pseudonym(settings, ALICE)
    owner = forgetting if hasattr(forgetting, step) else forgetting.landed_people
    real, calls = getattr(owner, step), []

    def killed(*given, **named):
        calls.append(step)
        if len(calls) == (2 if step in ("write_again", "drop_said") else 1):
            raise KeyboardInterrupt
        return real(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(owner, step, killed)
        with pytest.raises(KeyboardInterrupt):
            forget(ALICE, settings=settings, now=NOW)
    with user_keys.opened(settings) as keys:
        assert keys.is_half_forgotten(ALICE) and keys.pseudonym(ALICE) == alice
    forget(ALICE, settings=settings, now=NOW)
    assert naming(settings, ALICE, alice, SAID) == []
    assert pseudonym(settings, ALICE) is None


def test_a_lake_of_an_earlier_release_with_the_id_itself(settings, lake, landed):
    alice = pseudonym(settings, ALICE)
    version = lake.current("traces")[str(DAY)]
    tables = {name: pq.read_table(version.file(name), partitioning=None) for name in version.row_counts}
    plain = [ALICE if each == alice else each for each in tables["spans"]["user_id"].to_pylist()]
    at_column = tables["spans"].schema.get_field_index("user_id")
    tables["spans"] = tables["spans"].set_column(at_column, "user_id", [plain])
    lake.write_partition("traces", str(DAY), tables=tables)
    forget(ALICE, settings=settings, now=NOW)
    assert naming(settings, ALICE, alice) == []


def test_a_user_whom_nobody_knows_is_kept_out_all_the_same(settings, lake, landed, put, land):
    done = forget("carol@example.com", settings=settings, now=NOW)
    assert done.lines() == ["nothing landed names the user"]
    put(date(2025, 6, 4), "c.json", json_bytes(request(call(8, "d" * 32, date(2025, 6, 4), user="carol@example.com"))))
    land(date(2025, 6, 4))
    assert users(lake)[8] == ("forgotten_user", None)


@pytest.mark.parametrize("user", ["", "  ", "forgotten_user"])
def test_no_user_is_refused(settings, user):
    with pytest.raises(SettingsError, match="no user was named"):
        forget(user, settings=settings, now=NOW)


def test_a_file_that_is_left_is_named_and_the_key_stays(settings, landed):
    note = settings.home / "notes.txt"
    note.write_text(f"ask {ALICE}")
    with pytest.raises(forgetting.PrivacyError, match=r"1 files in .* such as notes.txt"):
        forget(ALICE, settings=settings, now=NOW)
    assert pseudonym(settings, ALICE)
    note.unlink()
    forget(ALICE, settings=settings, now=NOW)
    assert pseudonym(settings, ALICE) is None


@pytest.mark.long
def test_builds_hold_the_money_and_no_user(settings, lake, landed, land, monkeypatch):
    fork_builds(monkeypatch)
    leave_generic_tests_out(monkeypatch)
    for _ in range(2):
        build_all(settings=settings)
    alice, before = pseudonym(settings, ALICE), costs(settings)
    assert naming(settings, alice) and before
    forget(ALICE, settings=settings, now=NOW)
    assert naming(settings, ALICE, alice, SAID) == []
    assert costs(settings) == before
    (build,) = (settings.published / "builds").iterdir()
    assert build == current_build(settings) and [each.name for each in settings.builds.glob("0*")] == [build.name]
    for day in (DAY, NEXT):
        land(day)
    build_all(settings=settings)
    assert costs(settings) == before and naming(settings, ALICE, alice, SAID) == []


def costs(settings) -> list[tuple]:
    """Amounts by day, and by call with its trace."""
    with open_published(settings) as marts:
        of_days = marts.execute("select * exclude (user_count) from fct_daily_feature_costs order by all").fetchall()
        of_calls = marts.execute(
            "select call_id, trace_id, allocated_cost_usd from fct_llm_calls order by all"
        ).fetchall()
    return [*of_days, *of_calls]


def land_log(settings, folder) -> None:
    """Land three calls of an invocation log: one that says it is Alice's, one that a trace knows as hers, one of nobody."""
    made = [
        record(1, requestId="request-of-alice-1", requestMetadata={"user": ALICE, "session_id": "s", "tenant": "acme"}),
        record(2, requestId="request-of-alice-2", identity={"arn": "arn:aws:sts::1:assumed-role/docs-api/i-1"}),
        record(3, requestId="request-of-nobody", identity={"arn": f"arn:aws:sts::1:assumed-role/Admins/{BOB}"}),
    ]
    for number, each in enumerate(made, start=1):
        each["input"]["inputBodyJson"] = {"messages": [{"content": [{"text": f"words of call {number}"}]}]}
    accounts = Accounts("bedrock_logs", DAY)
    folder.mkdir()
    with landing_users(DAY, settings=settings, as_of=NEXT) as named:
        loader = InvocationLoader(folder, accounts=accounts, users=named, as_of=NEXT, keeps_content=True)
        accounts.open("log.json")
        loader.add(0, io.BytesIO(lines(*made)))
        loader.finish(places=[("1", "us-east-1")])
        tables = loader.tables(models=pa.Table.from_pylist([], schema=MODELS), landing_date=DAY)
        texts = loader.contents(landing_date=DAY)
        loader.close()
        lake = Lake(settings.lake)
        lake.write_partition("bedrock_logs", str(DAY), tables=tables)
        lake.write_partition("bedrock_log_contents", str(DAY), tables={"invocation_contents": texts.file})


def test_a_call_that_only_the_log_or_only_the_trace_says_is_theirs(settings, lake, put, land, tmp_path):
    known = call(1, ALICES, user=ALICE, **{"aws.request_id": "request-of-alice-2"})
    beside = call(2, BOTH, **{"aws.request_id": "request-of-alice-1"})
    put(DAY, "a.json", json_bytes(request(known, beside)))
    land(DAY)
    land_log(settings, tmp_path / "first")
    alice = pseudonym(settings, ALICE)
    forget(ALICE, settings=settings, now=NOW)

    def logged() -> list[tuple]:
        rows = pq.read_table(lake.current("bedrock_logs")[str(DAY)].file("invocations"), partitioning=None).to_pylist()
        names = ("request_id", "user_id", "journey_id", "request_metadata", "identity_arn")
        return [tuple(row[name] for name in names) for row in rows]

    bob = pseudonym(settings, BOB)
    expected = [
        ("request-of-alice-1", "forgotten_user", None, None, logged()[0][4]),
        ("request-of-alice-2", None, None, None, logged()[1][4]),
        ("request-of-nobody", None, None, [("feature", "search")], f"arn:aws:sts::1:assumed-role/Admins/{bob}"),
    ]
    assert logged() == expected
    assert users(lake) == {1: ("forgotten_user", None), 2: (None, None)}
    kept = ("words of call 1", "words of call 2", ALICE, alice)
    assert naming(settings, *kept) == [] and naming(settings, "words of call 3")
    land_log(settings, tmp_path / "again")
    assert logged() == expected and naming(settings, *kept) == []
