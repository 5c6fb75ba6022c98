"""The standing Prefect server as a process: a small stand-in answers, so that each test takes a moment."""

import json
import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from windtunnel.cli import prefect_server
from windtunnel.cli.prefect_server import (
    answers,
    connect_to_prefect,
    standing_server,
    start_server,
    stop_server,
)
from windtunnel.model.errors import InputError

STAND_IN = """
import os, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
if os.environ.get("STAND_IN_FAILS"):
    print("Traceback (most recent call last):", flush=True)
    sys.exit("OperationalError: the database is on fire")
time.sleep(float(os.environ.get("STAND_IN_SLEEPS", "0")))  # as Prefect does before it listens
class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()
    def log_message(self, *_): pass
print({name: value for name, value in os.environ.items() if name.startswith("PREFECT")}, flush=True)
HTTPServer((sys.argv[4], int(sys.argv[6])), Health).serve_forever()
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A state folder of its own, a stand-in for Prefect, and no server left behind."""
    (tmp_path / "path" / "prefect").mkdir(parents=True)
    (tmp_path / "path" / "prefect" / "__init__.py").write_text("")
    (tmp_path / "path" / "prefect" / "__main__.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    monkeypatch.setenv("WINDTUNNEL_HOME", str(tmp_path / "home"))
    for name in ("PREFECT_API_URL", "PREFECT_HOME", "DO_NOT_TRACK", "NO_PROXY"):
        monkeypatch.setenv(name, "")  # so that monkeypatch takes away what the code under test sets
        monkeypatch.delenv(name)
    monkeypatch.setattr(prefect_server, "USUAL_PORT", 0)
    yield tmp_path / "home"
    stop_server()


def state_file(home):
    return home / "prefect" / "server.json"


def test_a_server_is_started_once_and_stopped(home):
    assert standing_server() is None

    server = start_server()

    assert answers(server.api)
    assert start_server() == server == standing_server()
    assert stop_server() is True
    assert not answers(server.api)
    assert standing_server() is None
    assert stop_server() is False


def test_the_server_gets_its_own_settings_and_none_of_the_callers(home, monkeypatch):
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", "postgresql://elsewhere")

    server = start_server()

    settings = (home / "prefect" / "server.log").read_text()
    assert "elsewhere" not in settings
    assert f"'PREFECT_SERVER_UI_API_URL': '{server.api}'" in settings
    assert f"'PREFECT_HOME': '{home / 'prefect'}'" in settings


def test_callers_at_the_same_time_share_one_server(home):
    servers = []
    threads = [threading.Thread(target=lambda: servers.append(start_server())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(servers) == 3
    assert len(set(servers)) == 1


def test_a_server_that_does_not_come_up_is_an_error_with_its_last_words(home, monkeypatch):
    monkeypatch.setenv("STAND_IN_FAILS", "1")

    with pytest.raises(InputError, match=r"server\.log and ends with:\n.*\n.*the database is on fire"):
        start_server()

    assert not state_file(home).exists()


def test_a_port_that_is_taken_is_an_error(home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"Port {port} on 127.0.0.1 cannot be used"):
            start_server(port=port)


def test_the_usual_port_is_left_to_whoever_has_it(home, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(prefect_server, "USUAL_PORT", taken.getsockname()[1])

        assert not start_server().api.endswith(f":{taken.getsockname()[1]}/api")


def test_the_servers_of_two_state_folders_never_take_the_same_port(home, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        usual = free.getsockname()[1]
    start = "from windtunnel.cli import prefect_server as p; p.USUAL_PORT = {}; print(p.start_server().api)"
    command = [sys.executable, "-c", start.format(usual)]
    slow = {**os.environ, "STAND_IN_SLEEPS": "0.3"}
    homes = [{**slow, "WINDTUNNEL_HOME": str(tmp_path / f"home-{number}")} for number in range(3)]
    started = [subprocess.Popen(command, env=one, stdout=subprocess.PIPE, text=True) for one in homes]
    apis = {process.communicate(timeout=60)[0].strip() for process in started}
    for one in homes:
        monkeypatch.setenv("WINDTUNNEL_HOME", one["WINDTUNNEL_HOME"])
        assert stop_server()

    assert len(apis) == 3
    assert f"http://127.0.0.1:{usual}/api" in apis


def test_a_process_that_took_over_the_number_of_a_dead_server_is_left_alone(home):
    server = start_server()
    stop_server()
    other = {"pid": os.getpid(), "born": "1", "api": server.api, "ui": server.ui, "log": server.log}
    state_file(home).write_text(json.dumps(other))

    assert standing_server() is None
    assert stop_server() is False  # and this test lives to see it


def test_a_damaged_state_file_is_an_error_that_names_it(home):
    start_server()
    kept = state_file(home).read_text()
    state_file(home).write_text("{")

    with pytest.raises(InputError, match=r"server\.json is damaged"):
        standing_server()

    state_file(home).write_text(kept)


def test_a_run_starts_the_standing_server_where_there_is_none_and_says_so(home):
    said = []

    first = connect_to_prefect(say=said.append)
    os.environ.pop("PREFECT_API_URL")
    second = connect_to_prefect(say=said.append)

    assert first == second == os.environ["PREFECT_API_URL"]
    assert os.environ["PREFECT_HOME"] == str(home / "prefect")
    assert len(said) == 1
    assert "windtunnel server down" in said[0]


def test_a_server_that_the_user_names_is_used(home, monkeypatch):
    class Healthy(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(401)  # a server that wants a key is a server
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Healthy) as users:
        thread = threading.Thread(target=users.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{users.server_port}/api")

        used = connect_to_prefect(say=pytest.fail)
        users.shutdown()
        thread.join()

    assert used.endswith(f"{users.server_port}/api")
    assert standing_server() is None


@pytest.mark.parametrize(
    "bad", ["http://127.0.0.1:1/api", "nonsense", "http://[::1/api", "https://127.0.0.1:1", "file:///etc"]
)
def test_a_server_that_the_user_names_and_that_does_not_answer_is_an_error(home, monkeypatch, bad):
    monkeypatch.setenv("PREFECT_API_URL", bad)

    with pytest.raises(InputError, match=r"\(PREFECT_API_URL\) does not answer"):
        connect_to_prefect(say=pytest.fail)


def test_a_proxy_is_not_asked_for_a_server_on_this_machine(home, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    connect_to_prefect(say=lambda _: None)

    assert standing_server() is not None
    assert os.environ["NO_PROXY"] == "127.0.0.1"


def test_nothing_here_imports_prefect():
    assert "prefect" not in vars(sys.modules["windtunnel.cli.prefect_server"])
