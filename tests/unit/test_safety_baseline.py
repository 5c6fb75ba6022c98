"""Between a baseline that was met and the injection, the steady state may still be lost."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from tasks.inject import unsteady
from tasks.sample_book import SampleBook
from windtunnel.model.comparison import parse_comparison
from windtunnel.model.experiment import Probe, PrometheusProbe
from windtunnel.model.record import Phase, Sample

RATIO = Probe(name="ratio", look=PrometheusProbe(query="r", expect=parse_comparison(">= 0.99")))
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def run_that_saw(*answers):
    book, told = SampleBook(), []
    for ok in answers:
        book.add(Sample(NOW, "ratio", Phase.BASELINE, ok, 0.9, 0.01, detail="0.9", error="" if ok else "bad"))
    return SimpleNamespace(
        samples=book,
        experiment=SimpleNamespace(steady_state=(RATIO,)),
        happened=lambda kind, message, **_: told.append((str(kind), message)),
        told=told,
    )


def test_a_steady_state_that_still_holds_lets_the_fault_in():
    run = run_that_saw(True, True, True)
    assert unsteady(run) == ""
    assert run.told == []


@pytest.mark.parametrize("ok", [False, None])
def test_a_miss_or_silence_after_the_baseline_keeps_the_fault_out_and_is_on_record(ok):
    run = run_that_saw(True, True, ok)
    assert "ratio: bad" in unsteady(run)
    assert [kind for kind, _ in run.told] == ["baseline.missed"]
