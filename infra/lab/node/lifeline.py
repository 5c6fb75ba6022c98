"""Ties between processes that the kernel keeps: who dies with whom, and who inherits orphans (Linux only)."""

import ctypes
import os
import signal
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36

# Loaded at import, not after a fork: loading takes locks.
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(number: signal.Signals) -> None:
    """Have the kernel send this process a signal when its parent ends, however it ends."""
    _prctl(PR_SET_PDEATHSIG, int(number))


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose own parent ended."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def name_process(name: str) -> None:
    """Show a short name (15 bytes) in ps and top."""
    _prctl(PR_SET_NAME, ctypes.c_char_p(name.encode()[:15]))


def children_of(pid: int) -> list[int]:
    """The direct children of a process, zombies included."""
    processes = (folder for folder in Path("/proc").iterdir() if folder.name.isdigit())
    return [int(folder.name) for folder in processes if _parent_of(folder) == pid]


def _parent_of(folder: Path) -> int | None:
    try:
        text = (folder / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None  # ended between listing and reading
    # The second field is the name in brackets and may itself hold spaces and brackets.
    return int(text.rpartition(")")[2].split()[1])


def _prctl(option: int, value: object) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
