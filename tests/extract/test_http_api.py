"""One admin API over HTTP: what is tried again and for how long, what each refusal becomes, and that the key never shows."""

import logging
import socket
import traceback
from dataclasses import replace
from decimal import Decimal

import pytest

from ai_finops.errors import SourceBroken, SourceError, SourceForbidden, SourceMissing, SourceUnavailable
from ai_finops.extract import http_api
from ai_finops.extract.http_api import ApiAccount, JsonApi, calls_counted
from tests.extract.api_server import api_server, json_answer
from tests.extract.stand_in import HOST, Answer

KEY = "sk-admin-PLANTED-0123456789"
PATH = "/v1/organization/costs"
GOOD = {"object": "page", "data": []}


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", HOST)
    with api_server(lambda request: json_answer(GOOD)) as running:
        yield running


@pytest.fixture
def account(server):
    return ApiAccount("OpenAI", server.endpoint, "openai_admin", "Authorization", KEY, "Bearer ", {"x-version": "7"})


@pytest.fixture
def api(account):
    waits = []
    api = JsonApi(account, sleep=waits.append)
    api.waits = waits
    yield api
    api.close()


def get(api, **params):
    return api.get(PATH, params=list(params.items()))


def test_one_answer_with_its_size_and_exact_numbers(api, server):
    server.answer = lambda request: Answer(200, b'{"value": 0.30000000000000004441, "count": 3}')
    answer = api.get(PATH, params=[("group_by[]", "model"), ("group_by[]", "batch"), ("limit", 3)])
    assert answer.document == {"value": Decimal("0.30000000000000004441"), "count": 3}
    assert answer.bytes_read == 45
    (request,) = server.requests
    assert (request.method, request.path) == ("GET", PATH)
    assert request.query == [("group_by[]", "model"), ("group_by[]", "batch"), ("limit", "3")]
    assert (request.headers["authorization"], request.headers["x-version"]) == (f"Bearer {KEY}", "7")
    assert api.waits == []


def test_a_path_before_the_api_stays(account, server):
    api = JsonApi(replace(account, base_url=f"{server.endpoint}/gateway"))
    get(api)
    assert server.requests[0].path == f"/gateway{PATH}"


@pytest.mark.parametrize(
    "failure",
    [
        Answer(408),
        Answer(429),
        Answer(500),
        Answer(503, b"<html>down</html>"),
        Answer(529),
        Answer(200, b'{"object": "page"}', cut_after=9),
        Answer(200, b'{"object": "pa'),
        Answer(200, b"<html>log in</html>"),
        Answer(200, b"\xff\xfe{"),
        Answer(200, b'{"value": NaN}'),
        Answer(200, b"[" * 200_000),
        Answer(200, b"not zipped", {"Content-Encoding": "gzip"}),
    ],
    ids=lambda answer: f"{answer.status} {answer.body[:16]!r}",
)
def test_what_may_work_next_time_is_tried_again(api, server, failure):
    server.first = [failure, failure]
    assert get(api).document == GOOD
    assert api.waits == [1, 2]
    assert len(server.requests) == api.call_count == 3


def test_attempts_end(api, server):
    server.answer = lambda request: Answer(503)
    with pytest.raises(
        SourceUnavailable, match=r"^cannot read OpenAI /v1/organization/costs: answered 503, 5 times; try"
    ):
        get(api)
    assert api.waits == [1, 2, 4, 8]
    assert len(server.requests) == 5


def test_a_whole_answer_that_is_never_json_is_broken(api, server):
    server.answer = lambda request: Answer(200, b"<html>log in</html>")
    with pytest.raises(
        SourceBroken, match=r"the answer is not JSON \(19 bytes\), 5 times; check that the host of .*openai_admin"
    ):
        get(api)


def test_json_that_is_no_object_is_broken(api, server):
    server.answer = lambda request: Answer(200, b"[1]")
    with pytest.raises(SourceBroken, match="JSON but no object"):
        get(api)


def test_an_answer_that_always_breaks_off_is_unavailable(api, server):
    server.answer = lambda request: Answer(200, b'{"object": "page"}', cut_after=9)
    with pytest.raises(SourceUnavailable, match="no whole answer"):
        get(api)


def test_nobody_there_is_unavailable(account):
    with socket.socket() as taken:
        taken.bind((HOST, 0))  # bound and not listening: refused
        api = JsonApi(replace(account, base_url=f"http://{HOST}:{taken.getsockname()[1]}"), sleep=lambda _: None)
        with pytest.raises(SourceUnavailable, match="ConnectError"):
            get(api)
    assert api.call_count == 5


def test_an_answer_that_does_not_come_is_unavailable(account, monkeypatch):
    monkeypatch.setattr(http_api, "TIMEOUT", http_api.httpx.Timeout(0.05))
    with socket.create_server((HOST, 0)) as silent:
        api = JsonApi(replace(account, base_url=f"http://{HOST}:{silent.getsockname()[1]}"), sleep=lambda _: None)
        with pytest.raises(SourceUnavailable, match="ReadTimeout"):
            get(api)


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "60"}, 60),
        ({"Retry-After": "Wed, 04 Jun 2025 06:00:20 GMT", "Date": "Wed, 04 Jun 2025 06:00:05 GMT"}, 15),
        ({"Retry-After": "Wed, 04 Jun 2025 06:00:00 GMT", "Date": "Wed, 04 Jun 2025 06:00:05 GMT"}, 0),
        ({"Retry-After": "soon"}, 1),
        ({}, 1),
    ],
)
def test_it_waits_as_long_as_it_is_asked_to(api, server, headers, waited):
    server.first = [Answer(429, headers=headers)]
    get(api)
    assert api.waits == [waited]


def test_a_longer_wait_than_a_task_should_sleep_is_left_to_its_next_run(api, server):
    server.first = [Answer(429, headers={"Retry-After": "61"})]
    with pytest.raises(SourceUnavailable, match="answered 429 and asks to wait 61 s; try again after that"):
        get(api)
    assert api.waits == []
    assert len(server.requests) == 1


def openai_error(status, message):
    return json_answer({"error": {"message": message, "type": "invalid_request_error"}}, status)


@pytest.mark.parametrize(
    ("status", "raised", "said"),
    [
        (401, SourceForbidden, r"the key was refused \(401\); put an admin key .* Airflow connection openai_admin"),
        (403, SourceForbidden, r"the key was refused \(403\)"),
        (404, SourceMissing, r"no such path \(404\); correct the host of the Airflow connection openai_admin"),
        (400, SourceError, r"it answered 400 \(limit must be at most 31\)"),
        (302, SourceError, r"it answered 302 "),
        (204, SourceError, r"it answered 204;"),
    ],
)
def test_what_no_attempt_mends_fails_at_once(api, server, status, raised, said):
    server.answer = lambda request: openai_error(status, "limit must\nbe at most 31") if status != 204 else Answer(204)
    with pytest.raises(raised, match=said) as refused:
        get(api)
    assert type(refused.value) is raised
    assert len(server.requests) == 1
    assert api.waits == []


@pytest.mark.parametrize("body", [b"", b"no json", b'"text"', b'{"error": "text"}', b'{"error": {}}', b"[" * 200_000])
def test_a_refusal_without_a_message_is_a_refusal(api, server, body):
    server.answer = lambda request: Answer(400, body)
    with pytest.raises(SourceError, match="it answered 400; check"):
        get(api)


def test_a_body_without_end_is_cut_off(api, server, monkeypatch):
    monkeypatch.setattr(http_api, "MOST_BODY_BYTES", 10)
    server.answer = lambda request: Answer(200, b'{"long": 1}')
    with pytest.raises(SourceBroken, match="answers with more than 10 bytes"):
        get(api)
    server.answer = lambda request: Answer(200, b'{"lon": 1}')
    assert get(api).bytes_read == 10


def test_repeated_calls_are_counted(api, server):
    get(api)
    server.first = [Answer(500)]
    with calls_counted(api) as calls:
        assert calls.count == 0
        get(api)
    assert (calls.count, api.call_count) == (2, 3)
    (told,) = calls.calls()
    assert (told.operation_name, told.region_id, told.call_count) == ("GET", None, 2)
    with calls_counted(api) as calls:
        assert calls.calls() == ()


@pytest.fixture
def log_everything(caplog, monkeypatch):
    """Whatever logging setup was imported before: all that the client and its libraries say."""
    for logger in (logging.getLogger(name) for name in ("httpx", "httpcore", http_api.logger.name)):
        monkeypatch.setattr(logger, "disabled", False)
        monkeypatch.setattr(logger, "handlers", [caplog.handler])
        monkeypatch.setattr(logger, "propagate", False)
        caplog.set_level(logging.DEBUG, logger=logger.name)


@pytest.mark.parametrize("header", ["Authorization", "x-api-key"])
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 429, 500, "cut", "not json", "echo"])
def test_the_key_is_in_no_error_no_log_and_no_repr(account, server, caplog, log_everything, header, status):
    account = replace(account, key_header=header)
    bodies = {
        "cut": Answer(200, f'{{"key": "{KEY}"}}'.encode(), cut_after=30),
        "not json": Answer(200, f"<html>{KEY}</html>".encode()),
        "echo": json_answer({"error": {"message": f"Incorrect API key provided: {KEY}; also sk-admin-****6789"}}, 400),
    }
    answer = bodies.get(status) or openai_error(status, f"Incorrect API key provided: {KEY}")
    server.answer = lambda request: answer
    api = JsonApi(account, sleep=lambda _: None)
    shown = [repr(account), repr(api), repr(vars(api)["_http"].headers), repr(api._http.auth)]
    try:
        get(api)
    except SourceError as error:
        chain = []
        while error is not None:
            chain.append(error)
            shown += [
                *traceback.format_exception(error),
                repr(getattr(error, "request", None) and error.request.headers.raw),
            ]
            error = error.__cause__
        assert chain
    shown += [record.getMessage() + str(record.exc_text) for record in caplog.records]
    assert any("HTTP Request" in text for text in shown) or status == "cut"
    assert not [text for text in shown if "PLANTED" in text or "6789" in text]
