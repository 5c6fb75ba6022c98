"""Finding and ending the processes of a lab, whoever their parent is by now."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infra.lab.state import MARKER

POLL_SECONDS = 0.02
KIB_PER_MB = 1000


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory in MB: *rss* counts shared pages once for each process, *pss* shares them out."""

    rss: float
    pss: float


def of_lab(home: Path) -> list[int]:
    """Return the ids of all processes that carry the marker of *home*, except this one."""
    wanted = f"{MARKER}={home}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        with suppress(OSError):  # ended meanwhile, or somebody else's: not ours in either case
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return sorted(found)


def end(home: Path, *, within_s: float) -> list[int]:
    """Wait until no process of *home* is left; kill those left after *within_s* and return them."""
    deadline = time.monotonic() + within_s
    while of_lab(home):
        if time.monotonic() >= deadline:
            return _kill(home)
        time.sleep(POLL_SECONDS)
    return []


def memory_of(pids: list[int]) -> Memory:
    """Return the memory of some processes together; those that ended count nothing."""
    rss = pss = 0
    for pid in pids:
        for name, kib in _rollup(pid):
            rss += kib if name == "Rss:" else 0
            pss += kib if name == "Pss:" else 0
    return Memory(round(rss * 1.024 / KIB_PER_MB, 1), round(pss * 1.024 / KIB_PER_MB, 1))


def _rollup(pid: int) -> Iterator[tuple[str, int]]:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return
    for line in text.splitlines():
        if line.startswith(("Rss:", "Pss:")):
            yield line.split()[0], int(line.split()[1])


def _kill(home: Path) -> list[int]:
    killed: set[int] = set()
    while left := of_lab(home):  # again, for those that were born meanwhile
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        time.sleep(POLL_SECONDS)
    return sorted(killed)
