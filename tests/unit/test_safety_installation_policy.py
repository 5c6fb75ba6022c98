"""The installation's own policy: whatever a run brings along, it holds, as read where the run happens."""

import pytest

from tasks.opening import calendars_of, policy_of
from tasks.request import PolicyText, RunRequest
from windtunnel.files import FileError

STRICT = "caps: {pods: 1}\n"
LAX = "caps: {pods: 50}\n"
NO_EVENTS = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:nobody\nEND:VCALENDAR\n"


@pytest.fixture
def installation(tmp_path, monkeypatch):
    """Name a policy file as the installation's, and give its path."""
    path = tmp_path / "installation.yaml"
    path.write_text(STRICT, encoding="utf-8")
    monkeypatch.setenv("WINDTUNNEL_POLICY", str(path))
    return path


def request(text="", source="", **more):
    return RunRequest(experiment_text="x", policy_text=text, policy_source=source, **more)


def caps(asked):
    return [policy.caps.pods for policy in policy_of(asked).stack]


def test_a_run_that_brings_no_policy_is_held_to_the_installation_s(installation):
    assert caps(request()) == [1]


def test_a_run_that_brings_one_is_held_to_both(installation):
    assert caps(request(LAX, "mine.yaml")) == [50, 1]


def test_a_policy_that_calls_itself_the_installation_s_does_not_take_its_place(installation):
    assert caps(request(LAX, str(installation))) == [50, 1]
    forged = PolicyText(text=LAX, source=str(installation))
    assert caps(request(LAX, "mine.yaml", ceilings=(forged,))) == [50, 50, 1]


def test_one_that_came_along_unchanged_counts_once(installation):
    same = PolicyText(text=STRICT, source=str(installation))
    assert caps(request(LAX, "mine.yaml", ceilings=(same,))) == [50, 1]


def test_one_that_was_tightened_meanwhile_holds_as_it_is_now(installation):
    before = PolicyText(text=STRICT, source=str(installation))
    installation.write_text("caps: {pods: 0}\n", encoding="utf-8")
    assert caps(request(LAX, "mine.yaml", ceilings=(before,))) == [50, 1, 0]


@pytest.mark.parametrize("damage", ["gone", "broken", "empty"])
def test_a_run_is_refused_when_it_cannot_be_used_even_with_its_text_at_hand(installation, damage):
    asked = request(STRICT, str(installation))
    if damage == "gone":
        installation.unlink()
    else:
        installation.write_text({"broken": "caps: {pods: many}\n", "empty": ""}[damage], encoding="utf-8")
    with pytest.raises(FileError, match=r"installation\.yaml"):
        policy_of(asked)


def test_its_calendars_are_read_here_and_not_taken_from_whoever_asks(installation, tmp_path):
    (tmp_path / "freeze.ics").write_text(NO_EVENTS, encoding="utf-8")
    installation.write_text("blackouts: [{calendar: freeze.ics}]\n", encoding="utf-8")
    brought = {str(tmp_path / "freeze.ics"): NO_EVENTS, "team/freeze.ics": NO_EVENTS}
    assert calendars_of(request(calendars=brought)) == {"team/freeze.ics": NO_EVENTS}


def test_without_one_all_calendars_travel_with_the_run(monkeypatch):
    monkeypatch.delenv("WINDTUNNEL_POLICY", raising=False)
    assert calendars_of(request(calendars={"a.ics": NO_EVENTS})) == {"a.ics": NO_EVENTS}
