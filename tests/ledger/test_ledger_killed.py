"""A process that is killed leaves its record, up to the last moment; of many that undo, one wins."""

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from windtunnel.ledger import TicketState, open_ledger
from windtunnel.model.record import Event, EventKind
from windtunnel.model.ticket import UndoTicket

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, tzinfo=UTC)
ON_THE_WAY_S = 0.5  # what a sample may take to the disk at most

WRITER = """
import sys, threading, time
from datetime import UTC, datetime
from windtunnel.ledger import open_ledger
from windtunnel.model.record import Event, EventKind, Phase, Sample

ledger = open_ledger(sys.argv[1])
ledger.begin("run-1", "x")

def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + chr(10))
    sys.stdout.flush()

def look():
    for number in range(1_000_000):
        at = datetime.now(UTC)
        ledger.append_samples("run-1", [Sample(at, "p", Phase.DURING, True, float(number), 0.1)])
        say("sample", number, time.monotonic())
        time.sleep(0.003)

threading.Thread(target=look, daemon=True).start()
for number in range(1_000_000):
    ledger.append("run-1", Event(datetime.now(UTC), EventKind.WATCHED, str(number)))
    say("event", number, time.monotonic())
    time.sleep(0.1)
"""

UNDOER = """
import sys
from windtunnel.ledger import TicketState, open_ledger

with open_ledger(sys.argv[1]) as ledger:
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(sys.argv[3])):
        print(int(ledger.move_ticket(
            sys.argv[2], expect=TicketState.PREPARED, to=TicketState.UNDOING)), flush=True)
"""


def start(program, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said_until_killed(writer, *, after_s):
    """Read for a while, kill without a warning; give what was said, and when it was killed."""
    lines = [writer.stdout.readline()]
    began = time.monotonic()
    while time.monotonic() - began < after_s:
        lines.append(writer.stdout.readline())
    killed = time.monotonic()
    writer.kill()
    lines += writer.communicate()[0].splitlines(keepends=True)
    return [line.split() for line in lines if line.endswith("\n")], killed


@pytest.mark.parametrize("after_s", [0.0, 0.7, 1.3])
def test_a_writer_that_is_killed_leaves_every_event_and_all_but_the_last_samples(address, after_s):
    said, killed = said_until_killed(start(WRITER, address), after_s=after_s)

    with open_ledger(address) as ledger:
        record = ledger.read("run-1")
        ledger.append("run-1", Event(NOW, EventKind.FINISHED, "It can be written to again."))

    events = [int(number) for kind, number, _ in said if kind == "event"]
    old = [int(n) for kind, n, at in said if kind == "sample" and float(at) < killed - ON_THE_WAY_S]
    assert [int(event.message) for event in record.events][: len(events)] == events
    assert [sample.value for sample in record.samples] == [float(n) for n in range(len(record.samples))]
    assert len(record.samples) >= len(old)


def test_of_many_processes_that_undo_the_same_ticket_exactly_one_wins(address):
    ticket = UndoTicket("run-1", "pod-delete", (), (), {}, NOW, NOW + timedelta(minutes=5))
    with open_ledger(address) as ledger:
        ledger.begin("run-1", "x")
        ledger.save_ticket(ticket)
        undoers = [start(UNDOER, address, ticket.id, "3") for _ in range(4)]
        for undoer in undoers:
            assert undoer.stdout.readline() == "ready\n"
        for undoer in undoers:
            undoer.stdin.write("go\n")
            undoer.stdin.flush()
        won = sorted(line for undoer in undoers for line in undoer.communicate()[0].split())

        assert won == ["0"] * 11 + ["1"]
        assert ledger.tickets("run-1")[0].state is TicketState.UNDOING


def test_a_record_is_in_the_order_in_which_it_is_followed_whoever_writes(ledger):
    """A follower never sees a later number first, or it would miss the earlier one for good."""
    ledger.begin("run-1", "x")
    seen, mark, done = [], 0, threading.Event()

    def write(name):
        for number in range(25):
            ledger.append("run-1", Event(NOW, EventKind.WATCHED, f"{name} {number}"))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    while not done.is_set():
        if not any(thread.is_alive() for thread in threads):
            done.set()
        news = ledger.follow("run-1", mark)
        mark = news.after_event
        seen += [event.message for event in news.events]

    assert len(seen) == len(set(seen)) == 100
