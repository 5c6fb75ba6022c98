"""The prometheus probe against a loopback server that answers as Prometheus does, or worse."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from windtunnel.clock import SystemClock
from windtunnel.model.comparison import parse_comparison
from windtunnel.model.experiment import Probe, PrometheusProbe
from windtunnel.probes import Answer, ProbeContext, look


def vector(*values: str) -> bytes:
    series = [{"metric": {"pod": str(n)}, "value": [1.5, value]} for n, value in enumerate(values)]
    return success("vector", series)


def success(kind: str, result: object) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode()


ANSWERS = {
    "one": (200, vector("0.995")),
    "none": (200, vector()),
    "nan": (200, vector("NaN")),
    "inf": (200, vector("+Inf")),
    "two": (200, vector("1", "2")),
    "scalar": (200, success("scalar", [1.5, "42"])),
    "text": (200, success("string", [1.5, "hello"])),
    "range": (200, success("matrix", [{"metric": {}, "values": [[1, "1"]]}])),
    "bad": (400, b'{"status":"error","errorType":"bad_data","error":"parse error at char 3"}'),
    "busy": (503, b"try later"),
    "html": (200, b"<html>a login page</html>"),
    "odd": (200, b"[]"),
}


class Metrics(BaseHTTPRequestHandler):
    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)["query"][0]
        if query == "silent":
            self.server.over.wait(5)
            return
        status, body = ANSWERS[query]
        self.server.count += 1
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def metrics() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
    server.daemon_threads = True
    server.over, server.count = threading.Event(), 0
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def asked(metrics):
    def ask(query: str, expect: str = ">= 0.99", *, timeout_s: float = 3.0) -> Answer:
        context = ProbeContext(prometheus_url=f"http://127.0.0.1:{metrics.server_address[1]}")
        return ask_prometheus(query, context, expect, timeout_s=timeout_s)

    return ask


def ask_prometheus(
    query: str, context: ProbeContext, expect: str = "> 0", *, timeout_s: float = 3.0
) -> Answer:
    probe = Probe("ratio", PrometheusProbe(query, parse_comparison(expect)), timeout_s=timeout_s)
    return look(probe, context, SystemClock())


def test_one_number_is_compared(asked):
    assert asked("one", ">= 0.99") == Answer(ok=True, value=0.995, detail="0.995, expected >= 0.99")
    assert asked("one", "< 0.5").ok is False


def test_a_scalar_and_infinity_are_numbers(asked):
    assert asked("scalar", "== 42").ok is True
    assert asked("inf", "> 1").ok is True


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("none", "no data"),
        ("nan", "NaN"),
        ("two", "2 series"),
        ("text", "no number"),
        ("range", "a range was selected"),
        ("bad", "parse error at char 3"),
        ("busy", "503"),
        ("html", "not one of Prometheus"),
        ("odd", "not one of Prometheus"),
    ],
)
def test_anything_but_one_number_is_no_answer_and_says_why(asked, query, words):
    answer = asked(query)
    assert answer.ok is None
    assert answer.value is None
    assert words in answer.error
    assert repr(query) in answer.error
    assert "http://127.0.0.1" in answer.error


def test_a_failing_server_is_asked_once_because_retries_would_hide_the_rate(asked, metrics):
    before = metrics.count
    asked("busy")
    assert metrics.count == before + 1


def test_a_silent_server_is_no_answer(asked):
    answer = asked("silent", timeout_s=0.3)
    assert answer.ok is None
    assert "no answer within 0.3 s" in answer.error


def test_a_server_that_is_down_is_no_answer():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        answer = ask_prometheus("up", ProbeContext(prometheus_url=url))
    assert answer.ok is None
    assert "is Prometheus up" in answer.error


def test_without_a_prometheus_the_probe_says_where_to_name_one():
    answer = ask_prometheus("up", ProbeContext())
    assert answer.ok is None
    assert "windtunnel.yaml" in answer.error
