"""What is open elsewhere: PagerDuty's client against loopback servers, and Debian's own Alertmanager."""

import asyncio
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from infra.lab.recorder.app import Recorder
from infra.lab.serving import serve_app
from tests.unit.loopback import wait_for
from windtunnel.clients.alertmanager import firing_alerts
from windtunnel.clients.pagerduty import open_incidents
from windtunnel.clock import SystemClock
from windtunnel.model.errors import SourceError
from windtunnel.model.rule_sources import Alertmanager, PagerDuty

TOKEN = "u+secretTOKEN1234"
SOURCE = PagerDuty(("PLAB001",), ("high",))


def incident(number: int) -> dict:
    return {
        "incident_number": number,
        "title": "checkout is slow",
        "urgency": "high",
        "created_at": "2026-11-23T09:00:00Z",
        "service": {"summary": "Checkout"},
        "html_url": f"https://example.pagerduty.com/incidents/{number}",
    }


class Desk(BaseHTTPRequestHandler):
    """Answers with what its server holds: a status and a body, or pages of incidents."""

    def do_GET(self):
        asked = parse_qs(urlsplit(self.path).query)
        self.server.asked.append((self.path, asked))
        status, body = self.server.answer
        if body is None:
            start = int(asked.get("offset", ["0"])[0])
            page = [incident(n) for n in range(start, min(start + 2, 5))]
            body = json.dumps(
                {"incidents": page, "limit": 2, "offset": start, "more": start + 2 < 5}
            ).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def desk(monkeypatch) -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Desk)
    server.daemon_threads = True
    server.asked, server.answer = [], (200, None)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("PAGERDUTY_API_URL", server.url)
    monkeypatch.setenv("PAGERDUTY_TOKEN", TOKEN)
    yield server
    server.shutdown()
    server.server_close()


# --- PagerDuty


def test_every_page_of_open_incidents_is_read_and_told_with_all_that_people_ask(desk):
    found = open_incidents(SOURCE, timeout_s=3)
    assert [each.number for each in found] == [0, 1, 2, 3, 4]
    assert str(found[1]) == "#1 checkout is slow (Checkout, high urgency)"
    assert found[1].link.endswith("/1")
    assert found[1].since.hour == 9
    _, asked = desk.asked[0]
    assert asked["statuses[]"] == ["triggered", "acknowledged"]
    assert asked["service_ids[]"] == ["PLAB001"]
    assert asked["urgencies[]"] == ["high"]
    assert asked["date_range"] == ["all"]


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, b'{"error": {"message": "no"}}', "answered 401; PAGERDUTY_TOKEN holds no valid token"),
        (403, b'{"error": {"message": "no"}}', "answered 403; the token in PAGERDUTY_TOKEN may not read"),
        (429, b"{}", "answered 429; it was asked too often"),
        (500, b"oops", "answered 500"),
        (503, b"<html>later</html>", "answered 503"),
        (302, b"", "answered 302"),
        (200, b'{"incidents": [{"incident_num', "PagerDuty"),
        (200, b"<html>a login page</html>", "PagerDuty"),
        (200, b"{}", "PagerDuty"),
        (200, b'{"incidents": [{"title": "x"}], "more": false}', "is not one of PagerDuty"),
    ],
)
def test_an_answer_that_is_none_is_an_error_in_one_sentence_without_the_token(desk, status, body, says):
    desk.answer = (status, body)
    with pytest.raises(SourceError, match=says) as failure:
        open_incidents(SOURCE, timeout_s=3)
    assert TOKEN not in str(failure.value)
    assert TOKEN[-4:] not in str(failure.value)
    assert "\n" not in str(failure.value)
    assert len(desk.asked) <= 2  # it never waits for ever where it is throttled


def test_without_a_token_nobody_is_asked_and_the_sentence_says_what_to_set(desk, monkeypatch):
    monkeypatch.delenv("PAGERDUTY_TOKEN")
    with pytest.raises(SourceError, match="set PAGERDUTY_TOKEN"):
        open_incidents(SOURCE, timeout_s=3)
    assert not desk.asked


def test_a_pagerduty_that_cannot_be_reached_is_an_error_at_once(desk, monkeypatch):
    monkeypatch.setenv("PAGERDUTY_API_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(SourceError, match="could not be asked"):
        open_incidents(SOURCE, timeout_s=3)


def test_a_token_is_never_sent_unencrypted_to_another_machine(desk, monkeypatch):
    monkeypatch.setenv("PAGERDUTY_API_URL", "http://pagerduty.example")
    with pytest.raises(SourceError, match="https"):
        open_incidents(SOURCE, timeout_s=3)


def test_incidents_of_the_labs_recorder_are_seen_until_they_are_resolved(monkeypatch):
    with recorder() as url:
        monkeypatch.setenv("PAGERDUTY_API_URL", f"{url}/pagerduty")
        monkeypatch.setenv("PAGERDUTY_TOKEN", TOKEN)
        assert open_incidents(SOURCE, timeout_s=3) == ()
        event = {"routing_key": "0" * 32, "event_action": "trigger", "dedup_key": "d"}
        payload = {"summary": "checkout is down", "source": "test", "severity": "critical"}
        post(f"{url}/pagerduty/v2/enqueue", {**event, "payload": payload})
        (seen,) = open_incidents(SOURCE, timeout_s=3)
        assert "checkout is down" in str(seen)
        assert open_incidents(PagerDuty(("OTHER",)), timeout_s=3) == ()
        post(f"{url}/pagerduty/v2/enqueue", {**event, "event_action": "acknowledge"})
        assert len(open_incidents(SOURCE, timeout_s=3)) == 1
        post(f"{url}/pagerduty/v2/enqueue", {**event, "event_action": "resolve"})
        assert open_incidents(SOURCE, timeout_s=3) == ()


# --- Alertmanager


def firing(url: str, *match: str) -> list[str]:
    return sorted(map(str, firing_alerts(Alertmanager(url, match), SystemClock(), timeout_s=5)))


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"{}"), (200, b'[{"labels"'), (200, b"<html/>"), (200, b'["x"]'), (200, b"null"), (503, b"[]")],
)
def test_an_answer_that_is_no_list_of_alerts_proves_nothing(desk, status, body):
    desk.answer = (status, body)
    with pytest.raises(SourceError, match="Alertmanager at http://127"):
        firing(desk.url)


def test_a_real_alertmanager_tells_what_fires_and_not_what_is_silenced(tmp_path):
    with real_alertmanager(tmp_path) as url:
        assert firing(url) == []
        labels = [
            {"alertname": "Down", "severity": "critical", "service": "checkout"},
            {"alertname": "Slow", "severity": "warning"},
        ]
        post(f"{url}/api/v2/alerts", [{"labels": each} for each in labels])
        assert firing(url) == ["Down (severity=critical, service=checkout)", "Slow (severity=warning)"]
        assert firing(url, 'severity="critical"') == ["Down (severity=critical, service=checkout)"]
        assert firing(url, 'severity=~"crit.*"', 'service!="checkout"') == []
        with pytest.raises(SourceError, match="400"):
            firing(url, 'severity=~"["')
        matcher = {"name": "alertname", "value": "Down", "isRegex": False, "isEqual": True}
        silence = {"matchers": [matcher], "createdBy": "t", "comment": "known"}
        silence |= {"startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z"}
        post(f"{url}/api/v2/silences", silence)
        for _ in range(100):
            if firing(url) == ["Slow (severity=warning)"]:
                break
            time.sleep(0.05)
        assert firing(url) == ["Slow (severity=warning)"]
        ended = {"labels": labels[1], "endsAt": "2020-01-01T00:00:00Z", "startsAt": "2019-01-01T00:00:00Z"}
        post(f"{url}/api/v2/alerts", [ended])
        assert firing(url) == []


@contextmanager
def real_alertmanager(folder) -> Iterator[str]:
    program = shutil.which("prometheus-alertmanager")
    if program is None:
        pytest.skip("prometheus-alertmanager is not installed (Debian: prometheus-alertmanager)")
    config = folder / "alertmanager.yml"
    config.write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    url = f"http://127.0.0.1:{free_port()}"
    command = [program, f"--config.file={config}", f"--storage.path={folder}", "--cluster.listen-address="]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address={url.removeprefix('http://')}"], stdout=log, stderr=log
        )
    try:
        wait_for(f"{url}/-/ready")
        yield url
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def recorder() -> Iterator[str]:
    port, stop = free_port(), threading.Event()

    async def serve() -> None:
        serving = asyncio.ensure_future(serve_app(Recorder().app(), host="127.0.0.1", port=port))
        await asyncio.to_thread(stop.wait)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        wait_for(f"http://127.0.0.1:{port}/messages.json")
        yield f"http://127.0.0.1:{port}"
    finally:
        stop.set()
        thread.join(10)


def post(url: str, body: object) -> None:
    requests.post(url, json=body, timeout=5).raise_for_status()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
