"""The report of a run as Markdown, picture, JSON and Prefect artifact."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.report_sample import DEVIATED, EXPERIMENT, RECORD, RUN_ID, event, events
from windtunnel.model.forms import record_of
from windtunnel.model.record import EventKind, Phase, Record, Sample
from windtunnel.model.ticket import UndoState
from windtunnel.model.verdict import Judgement, Recovery, Verdict
from windtunnel.report.as_json import as_json
from windtunnel.report.chart import chart
from windtunnel.report.markdown import markdown
from windtunnel.report.prefect_artifact import CELL_WIDTH, CHART_LIMIT, prefect_description, prefect_markdown

NOTHING = Recovery(None, None, None)
BLOCKED = Judgement(Verdict.BLOCKED, "Outside the window.", UndoState.CLEAN, ("window: closed",), NOTHING)


def page(*, record=RECORD, judgement=DEVIATED, experiment=EXPERIMENT):
    return markdown(record, judgement, experiment)


def section(text, title):
    return text.partition(f"## {title}\n\n")[2].partition("\n\n## ")[0]


def test_the_verdict_comes_first_then_the_hypothesis():
    lines = [line for line in page().splitlines() if line]

    assert lines[0] == "# catalog-survives-pod-loss: deviated"
    assert lines[1].startswith("**Deviated.** The hypothesis does not hold: success ratio missed")
    assert lines[2] == "> Customers do not notice when one of catalog's pods dies."


def test_a_finding_that_is_the_reason_is_not_told_twice():
    assert page().count("success ratio missed in 9 of 31 looks.") == 1
    assert "- front page could not answer in 2 of 80 looks." in page()


def test_the_timeline_counts_from_the_injection():
    timeline = section(page(), "Timeline")

    assert "| -3.20 s | run.started |" in timeline
    assert "| +0.00 s | fault.injecting | Injecting pod-delete. |" in timeline
    assert "| +20.20 s | undo.finished | Undo: clean. |" in timeline


def test_recovery_times_are_told_to_a_tenth_of_a_second():
    recovery = section(page(), "Recovery")

    assert re.findall(r"([\d.]+) s \|$", recovery, re.MULTILINE) == ["12.2", "4.1", "8.4"]


def test_guardrails_show_what_was_seen_and_what_is_allowed():
    over = event(
        -3.0,
        EventKind.DECISION,
        "caps: Over the caps.",
        guardrail="caps",
        outcome="deny",
        reason="Over the caps.",
        observed="2 of 3 pods",
        limit="1 pod",
        until="13:00Z",
    )

    rows = section(page(record=replace(RECORD, events=(*events(), over))), "Guardrails")

    assert "| caps | allow | 1 of 3 pods is within the caps. |" in rows
    assert "| caps | deny | Over the caps. (seen 2 of 3 pods, allowed 1 pod, until 13:00Z) |" in rows


def test_guardrails_that_do_not_object_are_one_line_of_the_timeline():
    decision = next(each for each in events() if each.kind is EventKind.DECISION)
    window = replace(decision, data={**decision.data, "guardrail": "window"})
    denied = replace(decision, message="halt: Pulled.", data={"guardrail": "halt", "outcome": "deny"})

    timeline = section(page(record=replace(RECORD, events=(decision, window, denied))), "Timeline")

    assert timeline.splitlines()[2:] == [
        "| +0.00 s | guardrail.decision | 2 guardrails allow it: caps, window. |",
        "| +0.00 s | guardrail.decision | halt: Pulled. |",
    ]


def test_nothing_is_told_with_a_negative_zero():
    early = event(-0.001, EventKind.TICKET, "Undo ticket is written.")

    assert "| +0.00 s | undo.ticket |" in page(record=replace(RECORD, events=(early, *events())))


def test_a_service_that_was_never_disturbed_is_said_to_be_so():
    calm = page(judgement=replace(DEVIATED, recovery=Recovery(0.0, 0.0, 8.0)))

    assert "| Service disturbed, first to last miss | never |" in calm
    assert "| Steady again after undo | at once |" in calm


def test_targets_show_candidates_planned_and_hit():
    rows = section(page(), "Targets").splitlines()[2:]

    assert rows[0] == "| Candidates | 3 |  |"
    assert rows[1] == "| Planned | 1 | pod/catalog-5d-x2 in shop |"
    assert rows[2] == "| Hit | 1 | pod/catalog-5d-x2 in shop |"


def test_probes_show_min_median_max_and_misses_by_phase():
    probes = section(page(), "Probes")

    assert "| success ratio | before | 3 | 0 | 0 | 0.999 | 0.999 | 0.999 |" in probes
    assert re.search(r"\|  \| during \| 21 \| 10 \| 0 \| 0\.9\d+ \|", probes)
    assert "- front page: `HTTP 200 within 500 ms`, every 0.25 s" in probes


def test_the_same_run_can_be_had_again():
    assert "windtunnel run experiments/catalog-survives-pod-loss.yaml --seed 42" in page()


def test_an_odd_file_name_is_quoted():
    odd = replace(EXPERIMENT, source="my file; rm -rf.yaml")

    assert "windtunnel run 'my file; rm -rf.yaml' --seed 42" in page(experiment=odd)


def test_a_blocked_run_has_no_sections_about_what_never_was():
    record = Record("r", "x", (event(-1, EventKind.STARTED, "x"), event(0, EventKind.BLOCKED, "Closed.")), ())

    text = page(record=record, judgement=BLOCKED)

    assert "**Blocked.** Outside the window." in text
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## The run",
        "## Timeline",
        "## Run it again",
    ]


def test_an_undo_that_is_not_clean_is_in_the_title_with_what_was_left():
    failed = event(20.2, EventKind.UNDONE, "x", what="scale back", done=False, error="403 | forbidden")
    drift = event(20.2, EventKind.UNDONE, "y", what="uncordon", done=True, drift="someone set *5*")
    record = replace(RECORD, events=(*events()[:-3], failed, drift, *events()[-3:]))

    text = page(record=record, judgement=replace(DEVIATED, undo=UndoState.PARTIAL))

    assert text.startswith("# catalog-survives-pod-loss: deviated, undo partial")
    assert r"- **not done**: scale back; 403 \| forbidden" in text
    assert r"drift left alone: someone set \*5\*" in text
    assert "Something may be left behind" in text


def test_a_record_with_too_many_events_keeps_the_weighty_ones():
    chatter = [event(number / 1000, EventKind.WATCHED, f"pod {number}") for number in range(5000)]
    record = replace(RECORD, events=tuple(sorted([*events(), *chatter], key=lambda e: e.at)))

    timeline = section(page(record=record), "Timeline")

    assert "fault.injected" in timeline
    assert "run.recovered" in timeline
    assert timeline.count("\n|") < 110
    assert f"more are in the record: `windtunnel report {RUN_ID} --format json`" in timeline


def test_hostile_text_cannot_break_the_page():
    evil = "x | y\n# z <script>alert(1)</script> ![i](http://e/)"
    record = replace(RECORD, events=(*events(), event(25, EventKind.ERROR, evil)))

    text = page(record=record, experiment=replace(EXPERIMENT, hypothesis=evil, owner=evil))

    assert "\n# z" not in text
    assert "<script>" not in text.replace(r"\<script>", "")
    assert re.search(r"(?<!\\)!\[i\]", text) is None


def test_the_picture_has_a_title_for_each_probe_and_a_legend():
    root = ET.fromstring(chart(RECORD, EXPERIMENT))  # noqa: S314 - our own picture

    words = {element.text.strip() for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {
        "success ratio: >= 0.99",
        "front page: HTTP 200 within 500 ms (in ms)",
        "smoke test: exit status 0",
    } <= words
    assert {"fault in", "recovering", "threshold", "missed", "no answer"} <= words


def test_the_same_record_gives_the_same_picture():
    assert chart(RECORD, EXPERIMENT) == chart(RECORD, EXPERIMENT)


def test_a_picture_can_be_a_png():
    assert chart(RECORD, EXPERIMENT, form="png").startswith(b"\x89PNG")


def test_a_long_run_makes_no_large_picture():
    first = RECORD.samples[0]
    many = tuple(
        Sample(first.at + timedelta(seconds=n / 10), probe.name, Phase.DURING, n % 3 > 0, n % 7 * 0.1, 0.1)
        for probe in EXPERIMENT.steady_state
        for n in range(20_000)
    )

    assert len(chart(replace(RECORD, samples=many), EXPERIMENT)) < CHART_LIMIT


@pytest.mark.parametrize("name", ["$x^2$ and $", "a\nb", "x" * 500, "<&>"])
def test_any_name_can_be_drawn(name):
    odd = tuple(replace(sample, probe=name) for sample in RECORD.samples[:20])

    ET.fromstring(chart(replace(RECORD, samples=odd), EXPERIMENT))  # noqa: S314 - our own picture


@pytest.mark.parametrize("record", [Record("r", "x", (), ()), Record("r", "x", events(), ())])
def test_a_run_without_samples_has_a_picture_that_says_so(record):
    assert b"Nothing was looked at in this run." in chart(record, EXPERIMENT)


def test_the_prefect_artifact_holds_its_picture():
    text = prefect_markdown(RECORD, DEVIATED, EXPERIMENT)

    assert "](data:image/svg+xml;base64," in text
    assert len(text) < CHART_LIMIT


def test_no_cell_of_the_prefect_artifact_is_too_wide_for_its_page():
    name = "pod/" + "long-" * 30 + "name"
    told = event(25, EventKind.ERROR, "a sentence with *many* words | and a bar, " * 6 + name)

    text = prefect_markdown(replace(RECORD, events=(*events(), told)), DEVIATED, EXPERIMENT)

    row = next(line for line in text.splitlines() if "many" in line)
    pieces = re.split(r"<br>|(?<!\\)\|", row)
    assert row.startswith("| +25.00 s | run.error | A sentence with")
    assert all(len(piece) <= CELL_WIDTH + 2 for piece in pieces if "long-" not in piece)


def test_the_line_above_the_prefect_artifact_does_not_repeat_it():
    assert prefect_description(DEVIATED, run_id=RUN_ID) == f"Deviated in run {RUN_ID}"


def test_the_prefect_artifact_of_a_run_without_samples_has_no_picture():
    assert "data:" not in prefect_markdown(Record("r", "x", events(), ()), DEVIATED, EXPERIMENT)


def test_the_json_holds_the_judgement_and_the_whole_record():
    document = json.loads(as_json(RECORD, DEVIATED))

    assert document["judgement"]["verdict"] == "deviated"
    assert document["judgement"]["exit_code"] == 1
    assert document["judgement"]["recovery"]["recovered_s"] == 4.1
    assert record_of(document["record"]) == RECORD
