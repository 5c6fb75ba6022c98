"""Processes of pods whose agent and zygote were both killed: found by their environment, and killed."""

import os
import signal
from contextlib import suppress
from pathlib import Path


def kill(folder: Path) -> int:
    """Kill every process of this user whose HOME lies in the agent's folder; returns how many there were.

    The kernel kills a container's first process with the zygote, but knows nothing of its children.
    """
    mark = f"HOME={folder}{os.sep}".encode()
    found = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _is_marked(entry, mark):
            with suppress(ProcessLookupError):
                os.kill(int(entry.name), signal.SIGKILL)
            found += 1
    return found


def _is_marked(entry: Path, mark: bytes) -> bool:
    try:
        variables = (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return False  # ended meanwhile, or another user's
    return any(variable.startswith(mark) for variable in variables)
