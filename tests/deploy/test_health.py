"""The health check, against a server that is well, ill, mute or not there."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ai_finops.deploy import health

ANSWERS = {
    "/well": (200, b'{"scheduler": {"status": "healthy"}}'),
    "/ill": (200, b'{"scheduler": {"status": "unhealthy"}}'),
    "/unknown": (200, b'{"scheduler": {"status": null}}'),
    "/flat": (200, b'["scheduler"]'),
    "/text": (200, b"ok"),
    "/error": (503, b'{"scheduler": {"status": "healthy"}}'),
    "/odd": (204, b""),
}


@pytest.fixture(scope="module")
def url():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = ANSWERS[self.path]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "part", "said"),
    [
        ("/well", None, None),
        ("/well", "scheduler", None),
        ("/text", None, None),
        ("/ill", None, None),
        ("/ill", "scheduler", "says that scheduler is unhealthy"),
        ("/unknown", "scheduler", "says that scheduler is None"),
        ("/well", "triggerer", "says nothing of triggerer"),
        ("/flat", "scheduler", "says nothing of scheduler"),
        ("/text", "scheduler", "says nothing of scheduler"),
        ("/error", None, "answered 503"),
        ("/error", "scheduler", "answered 503"),
        ("/odd", None, "answered 204"),
    ],
)
def test_what_is_wrong(url, path, part, said):
    found = health.complaint(url + path, part)
    assert found is None if said is None else found == f"{url}{path} {said}"


def test_nobody_listens():
    assert "does not answer" in health.complaint("http://127.0.0.1:9/")


def test_the_exit_code_says_it(url, capsys):
    assert health.main([f"{url}/well", "scheduler"]) == 0
    assert capsys.readouterr().err == ""
    assert health.main([f"{url}/ill", "scheduler"]) == 1
    assert "unhealthy" in capsys.readouterr().err
    assert health.main([]) == 2


def test_a_proxy_of_the_environment_is_not_asked(url, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert health.complaint(f"{url}/well") is None


def test_it_runs_alone_without_this_package(url):
    """As in the collector's image, where the file is all that there is."""
    done = subprocess.run([sys.executable, "-I", "-S", health.__file__, f"{url}/well"], check=False, timeout=30)
    assert done.returncode == 0
