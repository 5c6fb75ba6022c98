"""A standing Prefect server of windtunnel's own, and the choice between it and the one the user has.

Prefect reads its settings from the environment when it is imported, so everything here happens before that,
and nothing here imports prefect.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit

from windtunnel.clients.home import state_folder
from windtunnel.clock import Clock, SystemClock
from windtunnel.model.errors import InputError

HOST = "127.0.0.1"
USUAL_PORT = 4200
START_S = 90.0  # a first start also makes the server's database; slow machines need a minute
STOP_S = 10.0
HEALTH_S = 2.0
_LOG_LINES = 5
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class StandingServer:
    """A server process that outlives the command which started it."""

    pid: int
    born: str  # the kernel's start time of the process, which tells it from a later one of the same number
    api: str
    ui: str
    log: str

    def is_alive(self) -> bool:
        """Say whether the very process is still there."""
        return _born(self.pid) == self.born


def connect_to_prefect(*, say: Callable[[str], None]) -> str:
    """Point this process's Prefect at a server and return its API address.

    `PREFECT_API_URL` wins; otherwise the standing server is used, and started where it is not running, which
    *say* is told in one line. Call it before prefect is imported.

    Raises:
        InputError: the server does not answer, or cannot be started.
    """
    os.environ.setdefault("DO_NOT_TRACK", "1")
    # Prefect's own patience with a server that is gone is minutes; a run's verdict must not wait for that.
    os.environ.setdefault("PREFECT_CLIENT_MAX_RETRIES", "1")
    os.environ.setdefault("PREFECT_API_REQUEST_TIMEOUT", "8")
    os.environ.setdefault(
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY", "30"
    )  # deployments.automations waits for three
    os.environ.setdefault("PREFECT_LOGGING_INTERNAL_LEVEL", "CRITICAL")  # each event unsent would be a line
    if given := os.environ.get("PREFECT_API_URL", "").strip():
        if not answers(given):
            from windtunnel.clients.http import shown

            msg = (
                f"The Prefect server at {shown(given)} (PREFECT_API_URL) does not answer. Start it, correct "
                "the address, or unset PREFECT_API_URL to use windtunnel's own server."
            )
            raise InputError(msg)
        return given
    server = standing_server()
    if server is None:
        say("Starting windtunnel's Prefect server. It keeps running; stop it with: windtunnel server down")
        server = start_server()
    os.environ["PREFECT_API_URL"] = server.api
    exempt = "no_proxy" if "no_proxy" in os.environ else "NO_PROXY"  # the small one wins where both are set
    os.environ[exempt] = ",".join(filter(None, (os.environ.get(exempt, ""), HOST)))
    os.environ.setdefault("PREFECT_HOME", str(_folder()))
    return server.api


def standing_server() -> StandingServer | None:
    """Return the standing server if it runs and answers."""
    server = _remembered()
    return server if server is not None and server.is_alive() and answers(server.api) else None


def start_server(*, port: int | None = None, clock: Clock | None = None) -> StandingServer:
    """Start the standing server, or return the one that runs; two callers at once start one.

    Without *port* it is 4200, or any free port where that is taken.

    Raises:
        InputError: the port is taken, or the server does not come up; the message ends with its last words.
    """
    with _alone():
        if (server := standing_server()) is not None:
            return server
        if (stale := _remembered()) is not None:
            _end(stale, clock or SystemClock())
        with _alone_with_the_ports():
            return _start(_free_port(port), clock or SystemClock())


def stop_server(*, clock: Clock | None = None) -> bool:
    """Stop the standing server; False when there was none."""
    with _alone():
        server = _remembered()
        if server is None:
            return False
        ended = _end(server, clock or SystemClock())
        _state_file().unlink(missing_ok=True)
        return ended


def answers(api: str) -> bool:
    """Say whether something that can serve answers at the API address *api* within two seconds."""
    from urllib.request import ProxyHandler, build_opener

    try:
        address = urlsplit(api)
        if address.scheme not in {"http", "https"}:
            return False
        # this machine is never behind a proxy, whatever the environment says
        direct = [ProxyHandler({})] if address.hostname in {HOST, "localhost", "::1"} else []
        with build_opener(*direct).open(f"{api.rstrip('/')}/health", timeout=HEALTH_S):
            return True
    except HTTPError as error:
        with error:
            return error.code < _SERVER_ERROR
    except (OSError, HTTPException, ValueError):
        return False


def _start(port: int, clock: Clock) -> StandingServer:
    log = _folder() / "server.log"
    api = f"http://{HOST}:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start"]
    command += ["--host", HOST, "--port", str(port), "--analytics-off"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=_environment(api, port),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # it stays when the terminal or the command that started it goes
            cwd="/",
        )
    server = StandingServer(process.pid, _born(process.pid), api, f"http://{HOST}:{port}", str(log))
    _state_file().write_text(json.dumps(asdict(server)), encoding="utf-8")
    deadline = clock.monotonic() + START_S
    while clock.monotonic() < deadline and process.poll() is None:
        if answers(api):
            process.returncode = 0  # it is meant to run on: keep Popen from warning about that
            return server
        clock.wait(0.1)
    _end(server, clock)
    _state_file().unlink(missing_ok=True)
    raise InputError(_why_not(log))


def _environment(api: str, port: int) -> Mapping[str, str]:
    """Return the server's environment: the caller's, without what would point the server at another one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return kept | {
        "PREFECT_HOME": str(_folder()),
        "PREFECT_SERVER_API_HOST": HOST,
        "PREFECT_SERVER_API_PORT": str(port),  # a flag alone would leave the UI asking port 4200
        "PREFECT_SERVER_UI_API_URL": api,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "DO_NOT_TRACK": "1",
    }


def _end(server: StandingServer, clock: Clock) -> bool:
    """End the server's process, gently first; False when it was gone already."""
    if not server.is_alive():
        return False
    for sign, patience in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, STOP_S)):
        os.kill(server.pid, sign)
        deadline = clock.monotonic() + patience
        while server.is_alive() and clock.monotonic() < deadline:
            clock.wait(0.05)
        if not server.is_alive():
            break
    return True


def _free_port(wanted: int | None) -> int:
    for port in (USUAL_PORT if wanted is None else wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                if wanted is not None:
                    msg = f"Port {wanted} on {HOST} cannot be used: {error.strerror}. Choose another."
                    raise InputError(msg) from error
                continue
            return int(probe.getsockname()[1])
    msg = f"No port on {HOST} is free for the Prefect server."
    raise InputError(msg)


def _why_not(log: Path) -> str:
    words = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    last = "\n".join(f"    {line}" for line in words[-_LOG_LINES:])
    return f"The Prefect server did not come up; its log is {log}" + (
        f" and ends with:\n{last}" if last else "."
    )


def _remembered() -> StandingServer | None:
    try:
        return StandingServer(**json.loads(_state_file().read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        msg = f"{_state_file()} is damaged: {error}. Remove it; a Prefect server may then be left running."
        raise InputError(msg) from error


def _born(pid: int) -> str:
    """Return the kernel's start time of process *pid*, or "" when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] == "Z" else fields[19]


def _folder() -> Path:
    folder = state_folder() / "prefect"
    folder.mkdir(exist_ok=True)
    return folder


def _state_file() -> Path:
    return _folder() / "server.json"


@contextmanager
def _alone() -> Iterator[None]:
    """Let one process at a time start or stop the server."""
    with (_folder() / "server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _alone_with_the_ports() -> Iterator[None]:
    """Let one process of this user choose a port until its server has it: each state folder has a server."""
    path = Path(tempfile.gettempdir()) / f"windtunnel-ports-{os.getuid()}.lock"
    lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
