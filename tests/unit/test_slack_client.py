"""The Slack client against a real loopback HTTP server that answers as Slack does."""

import json
import logging
import socket
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from windtunnel.clients import slack
from windtunnel.clients.slack import Posted, Slack, slack_from_environment
from windtunnel.model.errors import NotifyError
from windtunnel.report.slack_blocks import Message

TOKEN = "xoxb-very-secret"
MESSAGE = Message(text="hello", blocks=({"type": "section"},))
FINE = (200, {}, json.dumps({"ok": True, "channel": "C1", "ts": "17.5"}))


class FakeSlack(ThreadingHTTPServer):
    """Gives the answers it was told to, in order, then success; keeps the requests."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = deque()
        self.requests = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/api/"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers), json.loads(body)))
        status, headers, text = self.server.answers.popleft() if self.server.answers else FINE
        self.send_response(status)
        sent = {"Content-Type": "application/json", "Content-Length": str(len(text))} | headers
        for name, value in sent.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server():
    with FakeSlack() as fake:
        thread = threading.Thread(target=fake.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield fake
        fake.shutdown()
        thread.join()


@pytest.fixture
def client(server):
    return Slack(token=TOKEN, api_url=server.url, timeout_s=2)


def refuse(server, error):
    server.answers.append((200, {}, json.dumps({"ok": False, "error": error})))


def test_a_message_carries_its_blocks_and_the_token_as_a_bearer(server, client):
    posted = client.post("#resilience", MESSAGE)

    path, headers, body = server.requests[0]
    assert posted == Posted(channel="C1", ts="17.5")
    assert path == "/api/chat.postMessage"
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert body["channel"] == "#resilience"
    assert body["blocks"] == [{"type": "section"}]
    assert body["link_names"] is False


def test_a_reply_names_its_thread(server, client):
    client.post("C1", MESSAGE, thread="17.5")

    assert server.requests[0][2]["thread_ts"] == "17.5"


def test_an_update_names_the_message_it_replaces(server, client):
    client.update(Posted(channel="C1", ts="17.5"), MESSAGE)

    path, _, body = server.requests[0]
    assert path == "/api/chat.update"
    assert (body["channel"], body["ts"]) == ("C1", "17.5")


def test_a_refusal_says_what_to_do(server, client):
    refuse(server, "channel_not_found")

    with pytest.raises(NotifyError, match=r"to #nowhere: channel_not_found \(create the channel"):
        client.post("#nowhere", MESSAGE)


def test_no_refusal_shows_the_token(server, client):
    refuse(server, f"odd {TOKEN}")

    with pytest.raises(NotifyError) as caught:
        client.post("#resilience", MESSAGE)

    assert TOKEN not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_rate_limit_is_waited_out(server, client, monkeypatch):
    waited = []
    monkeypatch.setattr("slack_sdk.http_retry.builtin_handlers.time.sleep", waited.append)
    server.answers.append((429, {"Retry-After": "2"}, "{}"))

    client.post("#resilience", MESSAGE)

    assert len(server.requests) == 2
    assert 2 <= waited[0] <= 3


def test_a_rate_limit_longer_than_a_run_can_wait_is_an_error(server, client):
    server.answers.append((429, {"Retry-After": "3600"}, '{"ok": false, "error": "ratelimited"}'))

    with pytest.raises(NotifyError, match="asked to wait longer than 30 s"):
        client.post("#resilience", MESSAGE)

    assert len(server.requests) == 1


@pytest.mark.parametrize("text", ["<html>502</html>", "", "[]", '{"ok": false}'])
def test_an_answer_that_is_not_slacks_is_an_error(server, client, text):
    server.answers.append((502, {}, text))

    with pytest.raises(NotifyError, match=r"HTTP status .*, not an answer of Slack's"):
        client.post("#resilience", MESSAGE)


def test_a_slack_that_is_not_there_is_an_error_that_names_it(capfd):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # taken, and nobody listens
        gone = Slack(token=TOKEN, api_url=f"http://127.0.0.1:{closed.getsockname()[1]}/api")

        with pytest.raises(NotifyError, match=r"Slack at http://127\.0\.0\.1:\d+/api/ could not be reached"):
            gone.post("#resilience", MESSAGE)

    assert capfd.readouterr().err == ""


def test_an_address_that_is_none_is_an_error():
    with pytest.raises(NotifyError, match="could not be reached"):
        Slack(token=TOKEN, api_url="file:///etc").post("#resilience", MESSAGE)


def test_without_a_token_there_is_no_slack(monkeypatch, tmp_path):
    monkeypatch.delenv("SLACK_BOT_TOKEN", raising=False)
    monkeypatch.setenv("WINDTUNNEL_HOME", str(tmp_path))

    assert slack_from_environment(lab=True) is None


def test_the_token_and_address_come_from_the_environment(monkeypatch, server):
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("SLACK_API_URL", server.url.rstrip("/"))

    slack_from_environment().post("#resilience", MESSAGE)

    assert server.requests[0][0] == "/api/chat.postMessage"


def test_the_clients_own_logger_is_silent():
    assert slack._quiet().propagate is False
    assert logging.getLogger("windtunnel.slack").handlers
