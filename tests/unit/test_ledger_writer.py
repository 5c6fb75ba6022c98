"""Samples are written in batches: none is dropped, none is written twice, and no error stays hidden."""

import threading

import pytest

from windtunnel.ledger.writer import BatchWriter
from windtunnel.model.errors import LedgerError


class Store:
    """Keeps rows, or fails as it is told."""

    def __init__(self):
        self.kept, self.asked, self.failing = [], [], None

    def __call__(self, rows, *, again):
        self.asked.append((len(rows), again))
        if self.failing:
            raise self.failing
        self.kept.extend(rows)


def failing(error):
    store = Store()
    store.failing = error
    return store


def test_what_could_not_be_written_waits_and_is_written_as_soon_as_it_can_be():
    store = failing(LedgerError("disk full"))
    writer = BatchWriter(store)
    writer.add([{"a": 1}, {"a": 2}])
    with pytest.raises(LedgerError, match="disk full"):
        writer.flush()
    with pytest.raises(LedgerError, match="disk full"):
        writer.add([{"a": 3}])

    store.failing = None
    writer.close()

    assert store.kept == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert {size for size, again in store.asked if again} == {2}, "a batch in doubt is tried as it was"


def test_the_last_rows_are_not_lost_without_a_word():
    writer = BatchWriter(failing(LedgerError("disk full")))
    writer.add([{"a": 1}])

    with pytest.raises(LedgerError, match="disk full"):
        writer.close()
    assert writer._waiting == [{"a": 1}]


def test_whatever_breaks_in_the_writing_thread_is_raised():
    writer = BatchWriter(failing(TypeError("no idea")))
    writer.add([{"a": 1}])

    with pytest.raises(LedgerError, match="no idea"):
        writer.close()


class Door:
    """A lock that counts who has come to it."""

    def __init__(self):
        self._lock = threading.Lock()
        self.come = threading.Semaphore(0)

    def __enter__(self):
        self.come.release()
        self._lock.acquire()

    def __exit__(self, *_error):
        self._lock.release()


def test_who_waited_for_a_write_that_failed_does_not_wait_for_another():
    leave, tries, said = threading.Event(), [], []

    def hang(_rows, *, again):
        tries.append(again)
        leave.wait()
        msg = "no answer"
        raise LedgerError(msg)

    writer = BatchWriter(hang)
    writer._writing = Door()

    def flush():
        try:
            writer.flush()
        except LedgerError as error:
            said.append(str(error))

    writer._waiting.append({"a": 1})
    threads = [threading.Thread(target=flush) for _ in range(4)]
    for thread in threads:
        thread.start()
        writer._writing.come.acquire()
    leave.set()
    for thread in threads:
        thread.join()

    assert said == ["no answer"] * 4
    assert tries == [False]
