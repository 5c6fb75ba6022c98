"""The http probe against real servers on loopback that behave well, badly, or not at all."""

import gzip
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from windtunnel.clock import SystemClock
from windtunnel.model.experiment import HttpProbe, Probe
from windtunnel.probes import Answer, ProbeContext, look

CLOCK = SystemClock()


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        getattr(self, "on_" + self.path.strip("/").replace("/", "_"), self.on_default)()

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        self.server.seen.append((self.path, self.rfile.read(length).decode()))
        self.answer(201, b"made")

    def on_default(self):
        self.answer(200, b"welcome")

    def on_gzip(self):
        self.answer(200, gzip.compress(b"packed welcome"), ("Content-Encoding", "gzip"))

    def on_chunked(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in (b"wel", b"come"):
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def on_broken(self):
        self.answer(503, b"out of order")

    def on_moved(self):
        self.answer(302, b"", ("Location", "/home"))

    def on_loop(self):
        self.answer(302, b"", ("Location", "/loop"))

    def on_long(self):
        self.answer(200, b"x" * 3_000_000)

    def on_cut(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"only this")
        self.close_connection = True

    def on_drip(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        while not self.server.over.wait(0.05):
            try:
                self.wfile.write(b".")
            except OSError:
                return

    def on_silent(self):
        self.server.over.wait(5)

    def answer(self, status, body, *headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def shop() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # clients that give up are what these tests are about
    server.seen, server.over = [], threading.Event()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def asked(shop):
    """Look once at a path of the shop."""
    shop.seen.clear()

    def ask(path: str, *, timeout_s: float = 3.0, context: ProbeContext | None = None, **more) -> Answer:
        url = f"http://127.0.0.1:{shop.server_address[1]}/{path}"
        return look_at(HttpProbe(url=url, **more), timeout_s=timeout_s, context=context)

    return ask


def look_at(probe: HttpProbe, *, timeout_s: float = 3.0, context: ProbeContext | None = None) -> Answer:
    return look(Probe("page", probe, timeout_s=timeout_s), context or ProbeContext(environ={}), CLOCK)


def test_the_expected_status_is_a_hit_and_the_value_is_the_latency(asked):
    answer = asked("home")
    assert answer.ok is True
    assert 0 < answer.value < 3
    assert "status 200" in answer.detail


def test_another_status_is_a_miss_that_names_both(asked):
    answer = asked("broken")
    assert answer.ok is False
    assert "status 503" in answer.detail
    assert "expected status 200" in answer.detail


def test_several_statuses_can_be_expected(asked):
    assert asked("broken", status=(200, 503)).ok is True


@pytest.mark.parametrize("path", ["home", "gzip", "chunked"])
def test_the_body_is_matched_however_it_is_sent(asked, path):
    assert asked(path, matches="wel+come").ok is True
    assert asked(path, matches="goodbye").ok is False


def test_only_the_first_part_of_an_endless_body_is_read(asked):
    answer = asked("long", matches="y")
    assert answer.ok is False
    assert "in its first part" in answer.detail


def test_slower_than_allowed_is_a_miss_and_not_an_error(asked):
    answer = asked("home", within_s=0.0)
    assert answer.ok is False
    assert "expected within 0 ms" in answer.detail


@pytest.mark.parametrize("path", ["silent", "drip"])
def test_the_timeout_holds_for_the_whole_answer(asked, path):
    answer = asked(path, timeout_s=0.3)
    assert answer.ok is False
    assert "no answer within 0.3 s" in answer.detail


def test_an_answer_that_breaks_off_is_a_miss(asked):
    answer = asked("cut")
    assert answer.ok is False
    assert "closed without a whole answer" in answer.detail


def test_a_refused_connection_is_a_miss_because_users_see_it():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        answer = look_at(HttpProbe(url=f"http://127.0.0.1:{unused.getsockname()[1]}/"))
    assert answer.ok is False
    assert answer.detail == "connection refused"


def test_redirects_are_followed_unless_one_is_expected(asked):
    assert asked("moved").ok is True
    assert asked("moved", status=(302,)).ok is True


def test_a_redirect_loop_is_no_answer(asked):
    answer = asked("loop")
    assert answer.ok is None
    assert "redirects" in answer.error


@pytest.mark.parametrize("url", ["ftp://somewhere/", "http://", "http://[::1", "not a url"])
def test_a_url_that_cannot_be_requested_is_no_answer(url):
    answer = look_at(HttpProbe(url=url))
    assert answer.ok is None
    assert answer.error


def test_a_host_that_does_not_exist_is_no_answer():
    answer = look_at(HttpProbe(url="http://no-such-host.invalid/"))
    assert answer.ok is None
    assert "cannot be resolved" in answer.error


def test_placeholders_are_filled_in_from_the_environment_at_use(asked, shop):
    context = ProbeContext(environ={"TOKEN": "s3cret", "NAME": "ana"})
    answer = asked(
        "orders",
        context=context,
        method="POST",
        headers={"Authorization": "Bearer ${TOKEN}"},
        body='{"for": "${NAME}"}',
        status=(201,),
    )
    assert answer.ok is True
    assert shop.seen == [("/orders", '{"for": "ana"}')]
    assert "s3cret" not in repr(answer)


def test_a_missing_variable_is_no_answer_and_is_named(asked):
    answer = asked("home", headers={"Authorization": "Bearer ${TOKEN}"})
    assert answer.ok is None
    assert "TOKEN" in answer.error


def test_proxies_of_the_environment_are_not_used(asked, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert asked("home").ok is True
