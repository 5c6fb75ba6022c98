"""The lab's folder: where everything lies, and who holds it."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MARKER = "WINDTUNNEL_LAB"
"""Environment variable that every process of a lab carries; its value is the home of the lab."""

HOLD_ATTEMPTS, HOLD_PAUSE_SECONDS = 5, 0.02
LOG_TAIL_LINES = 12
LOG_TAIL_BYTES = 8192


class LabError(Exception):
    """The lab could not do what was asked; the text says what, where the log is, and what to do."""


@dataclass(frozen=True, slots=True)
class LabFolder:
    """The files of the lab of one state folder (*home*)."""

    home: Path

    @property
    def root(self) -> Path:
        """Everything lies below it."""
        return self.home / "lab"

    @property
    def description(self) -> Path:
        """lab.json: the addresses, for whoever wants to use the lab. It is there while the lab is ready."""
        return self.root / "lab.json"

    @property
    def kubeconfig(self) -> Path:
        """For kubectl and the product."""
        return self.root / "kubeconfig"

    @property
    def token(self) -> Path:
        """The administrator's bearer token."""
        return self.root / "token"

    @property
    def certificates(self) -> Path:
        """The folder of the CA and the server's certificate."""
        return self.root / "pki"

    @property
    def logs(self) -> Path:
        """One file for each process."""
        return self.root / "logs"

    @property
    def held(self) -> Path:
        """Locked by the main process for as long as it lives; holds its process id."""
        return self.root / "main.pid"

    def log(self, name: str) -> Path:
        """Return the log file of one process."""
        return self.logs / f"{name}.log"

    def read(self) -> dict[str, Any] | None:
        """Return what lab.json says, or None where there is none."""
        try:
            found = json.loads(self.description.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            msg = (
                f"{self.description} is damaged ({error}); run `windtunnel lab down` and start the lab again"
            )
            raise LabError(msg) from error
        return found if isinstance(found, dict) else None

    def write(self, description: dict[str, Any]) -> None:
        """Write lab.json in one step."""
        fresh = self.description.with_suffix(".tmp")
        fresh.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
        fresh.replace(self.description)

    def holder(self) -> int | None:
        """Return the id of the main process that lives now, or None. A process id alone proves nothing."""
        try:
            descriptor = os.open(self.held, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.read(descriptor, 32).decode().strip()
            return int(text) if text.isdigit() else None
        finally:
            os.close(descriptor)
        return None

    def hold(self) -> int:
        """Become the main process of this folder; the returned descriptor must stay open.

        Raises:
            LabError: another process is.
        """
        descriptor = os.open(self.held, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for _ in range(HOLD_ATTEMPTS):
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
                return descriptor
            time.sleep(HOLD_PAUSE_SECONDS)  # somebody who only looks holds the lock for a moment, too
        os.close(descriptor)
        msg = f"a lab of {self.home} runs already, as process {self.holder()}"
        raise LabError(msg)

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Let one `up` or `down` of this folder work at a time; the next one waits.

        Raises:
            LabError: the folder cannot be made or written to.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self.root / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            why = error.strerror or str(error)
            msg = f"The lab's folder {self.root} cannot be used: {why}. Set WINDTUNNEL_HOME to another."
            raise LabError(msg) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def tail(log: Path) -> str:
    """Return the last lines of a log, indented, for an error message."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()[-LOG_TAIL_LINES:]
    except OSError as error:
        return f"  (cannot be read: {error})"
    return "\n".join(f"  {line}" for line in lines) or "  (empty)"
