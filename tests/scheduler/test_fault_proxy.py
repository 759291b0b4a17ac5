"""What the proxy passes on and what it refuses; a scenario proves nothing if its fault does not happen."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.scheduler.fault_proxy import BREAKS, CLOUDWATCH, FaultProxy, addressed


class _Upstream(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.path)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(self.path.encode())

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def proxy():
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), _Upstream)
    threading.Thread(target=upstream.serve_forever, args=(0.02,), daemon=True).start()
    proxy = FaultProxy(f"http://127.0.0.1:{upstream.server_port}")
    yield proxy
    proxy.stop()
    upstream.shutdown()
    upstream.server_close()


def ask(proxy, path, *, call, method="GET"):
    return httpx.request(method, proxy.url + path, headers={"amz-sdk-invocation-id": call}, trust_env=False)


def test_passes_on_what_nobody_refuses(proxy):
    answer = ask(proxy, "/ai-traces/a%20key?list-type=2", call="1")
    assert (answer.status_code, answer.text) == (200, "/ai-traces/a%20key?list-type=2")


def test_a_head_keeps_the_length_that_upstream_said(proxy):
    assert ask(proxy, "/ai-traces/k", call="1", method="HEAD").headers["Content-Length"] == "12"


def test_refuses_all_attempts_of_so_many_calls_and_no_more(proxy):
    proxy.refuse("ai-traces", calls=2)
    statuses = [ask(proxy, "/ai-traces/k", call=call).status_code for call in ("1", "1", "2", "3", "2", "3")]
    assert statuses == [503, 503, 503, 200, 503, 200]


def test_refuses_one_thing_alone_until_told_otherwise(proxy):
    proxy.refuse(CLOUDWATCH)
    assert ask(proxy, "/", call="1").status_code == 503
    assert ask(proxy, "/ai-traces/k", call="2").status_code == 200
    proxy.let_through(CLOUDWATCH)
    assert ask(proxy, "/", call="1").status_code == 200


@pytest.mark.parametrize(
    ("path", "what"),
    [("/b/k", "b"), ("/b?prefix=x", "b"), ("/", CLOUDWATCH), ("/service/x/operation/GetMetricData", CLOUDWATCH)],
)
def test_tells_buckets_and_cloudwatch_apart(path, what):
    assert addressed(path) == what


def fate(proxy, call):
    """What a client meets: a status, or the error's name."""
    try:
        headers = {"amz-sdk-invocation-id": call}
        answer = httpx.get(f"{proxy.url}/ai-traces/{call}", headers=headers, trust_env=False, timeout=0.3)
    except httpx.HTTPError as error:
        return type(error).__name__
    return answer.status_code


@pytest.mark.parametrize(
    ("how", "met"),
    [
        ("reset", "ReadError"),
        ("reset in the answer", "ReadError"),
        ("cut off", "RemoteProtocolError"),
        ("stall", "ReadTimeout"),
        ("stall in the answer", "ReadTimeout"),
        ("SlowDown", 503),
    ],
)
def test_breaks_one_call_as_told_once_or_always(proxy, how, met):
    proxy.break_call(2, how, lasts=False)
    assert [fate(proxy, call) for call in ("1", "2", "2", "3")] == [200, met, 200, 200]
    proxy.break_call(1, how, lasts=True)
    assert [fate(proxy, call) for call in ("4", "4", "5")] == [met, met, 200]
    assert proxy.broken_count == 2
    assert how in BREAKS
