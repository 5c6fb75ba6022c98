"""command probe: a program started without a shell, with a limit on its time and on what it may print."""

import os
import re
import selectors
import signal
import subprocess
from typing import IO

from windtunnel.clock import Clock
from windtunnel.model.errors import ProbeError
from windtunnel.model.experiment import CommandProbe
from windtunnel.probes.answer import Answer, bounded
from windtunnel.probes.looking import ProbeContext
from windtunnel.redaction import one_line

_LARGEST = 64 * 1024
_PIECES = 16


def look_command(probe: CommandProbe, context: ProbeContext, clock: Clock, *, timeout_s: float) -> Answer:
    """Run the program to its end and judge its exit status and its standard output.

    Raises:
        ProbeError: it could not be started, took too long (then it is killed with all it started), or its
            output is no number where one is expected.
    """
    began = clock.monotonic()
    code, output, errors = _run(probe.argv, context, clock, until=began + timeout_s, timeout_s=timeout_s)
    took_s = clock.monotonic() - began
    if code != probe.exit_code:  # how long that took is not the number that was asked for
        said = bounded(errors or output)
        return Answer(ok=False, detail=f"exit status {code}, expected {probe.exit_code}: {said}")
    if probe.matches and not re.search(probe.matches, output):
        return Answer(ok=False, detail=f"the output does not match {probe.matches!r}")
    if probe.expect is None:
        return Answer(ok=True, value=took_s, detail=f"exit status {code}")
    try:
        value = float(output.strip())
    except ValueError as error:
        msg = f"{probe.argv[0]} printed {one_line(output, 80)!r}, and one number is expected"
        raise ProbeError(msg) from error
    return Answer(ok=probe.expect.holds(value), value=value, detail=f"{value:g}, expected {probe.expect}")


def _run(
    argv: tuple[str, ...], context: ProbeContext, clock: Clock, *, until: float, timeout_s: float
) -> tuple[int, str, str]:
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(context.environ),
            start_new_session=True,  # so that it can be killed with everything it started
        )
    except (OSError, ValueError) as error:
        msg = f"{argv[0]!r} cannot be started: {error}"
        raise ProbeError(msg) from error
    with process:
        try:
            finished, output, errors = _read(process, clock, until)
        finally:
            _kill_group(process)
    if not finished:
        msg = f"{argv[0]} did not end within {timeout_s:g} s and was killed"
        raise ProbeError(msg)
    return process.returncode, output, errors


def _read(process: subprocess.Popen[bytes], clock: Clock, until: float) -> tuple[bool, str, str]:
    """Read both outputs until the program ends, keeping the first part of each; say whether it ended in time.

    A child left behind may hold the pipes open, so the end of the program counts, not that of its output.
    """
    kept: dict[IO[bytes], bytearray] = {}
    with selectors.DefaultSelector() as ready:
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                kept[pipe] = bytearray()
                os.set_blocking(pipe.fileno(), False)
                ready.register(pipe, selectors.EVENT_READ)
        while not (finished := _has_ended(process)) and (left_s := until - clock.monotonic()) > 0:
            if ready.get_map():
                _drain(ready, kept, wait_s=min(left_s, 0.05))
            else:  # both pipes are closed, and the program still runs
                clock.wait(min(left_s, 0.05))
        _drain(ready, kept, wait_s=0)
    output, errors = (kept[pipe].decode(errors="replace") for pipe in kept)
    return finished, output, errors


def _drain(ready: selectors.BaseSelector, kept: dict[IO[bytes], bytearray], *, wait_s: float) -> None:
    for key, _ in ready.select(wait_s) if ready.get_map() else ():
        pipe: IO[bytes] = key.fileobj  # type: ignore[assignment] # only pipes are registered
        for _ in range(_PIECES):  # a program that prints without end must not keep us from the clock
            piece = _piece(pipe)
            if not piece:
                break
            kept[pipe] += piece[: max(0, _LARGEST - len(kept[pipe]))]
        if piece == b"":
            ready.unregister(pipe)


def _piece(pipe: IO[bytes]) -> bytes | None:
    """Return what can be read now, None when there is nothing yet, and b"" at the end."""
    try:
        return os.read(pipe.fileno(), 32 * 1024)
    except BlockingIOError:
        return None


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Look without reaping: as long as it is not reaped, its number, and its group's, is its own."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # nothing of it is left
