"""`windtunnel doctor`: each thing that is broken is found, and says how to mend it."""

import itertools
import json
import re
from datetime import timedelta
from email.utils import format_datetime
from importlib.metadata import version

import pytest
import yaml
from typer.testing import CliRunner

from tests.unit.loopback import Told, answering
from windtunnel.cli.entry import build
from windtunnel.clients import halt
from windtunnel.clock import SystemClock

TOKEN = "xoxb-canary-token"


@pytest.fixture
def doctor(api_server, cluster, monkeypatch, tmp_path):
    """Call the doctor in a folder of its own, with an API server that is well; give findings by check."""
    monkeypatch.setenv("KUBECONFIG", api_server.entry.kubeconfig)
    monkeypatch.setenv("WINDTUNNEL_HOME", str(tmp_path / "home"))
    for name in ("PREFECT_API_URL", "SLACK_BOT_TOKEN", "SLACK_API_URL", "WINDTUNNEL_POLICY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("PAGERDUTY_ROUTING_KEY", raising=False)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)

    def look():
        done = CliRunner().invoke(build(), ["doctor", "--json"])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, {each["check"]: each for each in json.loads(done.stdout)}

    yield look
    halt.release(cluster)


def test_an_installation_that_is_well_has_nothing_to_mend(doctor):
    status, found = doctor()
    assert status == 0
    assert {name for name, each in found.items() if each["state"] == "fail"} == set()
    for name in (
        "python",
        "packages",
        "state folder",
        "ledger",
        "policy",
        "cluster",
        "clock",
        "rights",
        "lever",
    ):
        assert found[name]["state"] == "ok", found[name]
    assert found["prefect"]["state"] == "warn"
    assert (found["slack"]["state"], found["paging"]["state"]) == ("skipped", "skipped")


def test_the_table_names_the_remedies(doctor, cluster):
    halt.pull(cluster, reason="sale", by="ana", now=SystemClock().now())
    done = CliRunner().invoke(build(), ["doctor"])
    assert done.exit_code == 0
    assert "once it is safe: windtunnel resume" in done.stdout


def test_a_cluster_that_cannot_be_reached_fails_once_and_not_with_all_that_needs_it(
    doctor, monkeypatch, tmp_path
):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    status, found = doctor()
    assert status == 2
    assert {name for name, each in found.items() if each["state"] == "fail"} == {"cluster"}
    assert "kubectl config get-contexts" in found["cluster"]["remedy"]
    for name in ("clock", "namespace", "rights", "lever", "tickets"):
        assert (found[name]["state"], found[name]["remedy"]) == ("skipped", "")
        assert found[name]["found"] == "not to be known before cluster is well"


def test_a_policy_that_cannot_be_read_fails_with_its_line(doctor, tmp_path):
    (tmp_path / "windtunnel.yaml").write_text("windows:\n  office: {days: Mno, from: 09:00, to: 16:00}\n")
    status, found = doctor()
    assert (status, found["policy"]["state"]) == (2, "fail")
    assert "windtunnel.yaml:2:18" in found["policy"]["found"]


@pytest.mark.parametrize(("lasts", "state"), [(1_000, "fail"), (2, "ok")], ids=["clocks", "one answer"])
def test_clocks_that_differ_fail_and_not_one_answer_that_is_old(doctor, monkeypatch, tmp_path, lasts, state):
    old = SystemClock().now() - timedelta(hours=1)
    asked = itertools.count()

    def answer(path, *_):  # two checks ask for the version, and one of them for the time in it
        date = old if path == "/version" and next(asked) < lasts else SystemClock().now()
        headers = {"Date": format_datetime(date, usegmt=True)}
        return Told(body={"gitVersion": "v1.36.0", "items": []}, headers=headers)

    with answering(answer) as url:
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "x",
            "clusters": [{"name": "c", "cluster": {"server": url}}], "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        }  # fmt: skip
        (tmp_path / "config").write_text(yaml.safe_dump(config))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        status, found = doctor()
    assert (found["clock"]["state"], found["cluster"]["state"]) == (state, "ok"), found["clock"]
    assert ("NTP" in found["clock"]["remedy"]) == (state == "fail")
    assert bool(re.match(r"3[56]\d\d\.\d s apart", found["clock"]["found"])) == (state == "fail")
    assert status == 2


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (Told(body='"2.9.1"'), "2.9.1"),
        (Told(status=503), "503"),
        (Told(body="<html>"), "does not answer as Prefect"),
    ],
)
def test_a_prefect_server_of_another_kind_or_version_fails(doctor, monkeypatch, told, says):
    with answering(told) as url:
        monkeypatch.setenv("PREFECT_API_URL", f"{url}/api")
        status, found = doctor()
    assert (status, found["prefect"]["state"]) == (2, "fail")
    assert says in found["prefect"]["found"]


def test_a_prefect_server_that_asks_for_a_password_is_given_it(doctor, monkeypatch):
    def guarded(_path, _query, headers):
        known = headers.get("Authorization") == "Basic YWRtaW46cGFzcw=="
        return Told(body=f'"{version("prefect")}"') if known else Told(status=401)

    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:pass")
    with answering(guarded) as url:
        monkeypatch.setenv("PREFECT_API_URL", f"{url}/api")
        _, found = doctor()
    assert found["prefect"]["state"] == "ok", found["prefect"]


def test_a_slack_token_that_is_refused_fails_and_is_never_shown(doctor, monkeypatch):
    with answering(Told(body={"ok": False, "error": "invalid_auth"})) as url:
        monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
        monkeypatch.setenv("SLACK_API_URL", url)
        status, found = doctor()
    assert (status, found["slack"]["state"]) == (2, "fail")
    assert "SLACK_BOT_TOKEN" in found["slack"]["remedy"]
    assert TOKEN not in json.dumps(found)


@pytest.mark.parametrize(
    ("told", "state", "says"),
    [
        (Told(status=202, body={"status": "success", "dedup_key": "x"}), "ok", "nobody was called"),
        (Told(status=400, body={"status": "invalid event"}), "fail", "answered 400"),
    ],
)
def test_whether_people_can_be_paged_is_tried_out_without_calling_any(doctor, monkeypatch, told, state, says):
    with answering(told) as url:
        monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", TOKEN)
        monkeypatch.setenv("PAGERDUTY_EVENTS_URL", url)
        _, found = doctor()
    assert found["paging"]["state"] == state
    assert says in found["paging"]["found"]
    assert TOKEN not in json.dumps(found)
    if state == "fail":
        assert "PAGERDUTY_ROUTING_KEY" in found["paging"]["remedy"]


def test_a_prometheus_and_an_alertmanager_that_are_gone_fail(doctor, tmp_path):
    text = "prometheus: {url: http://127.0.0.1:9}\nincidents: {alertmanager: {url: http://127.0.0.1:9}}\n"
    (tmp_path / "windtunnel.yaml").write_text(text)
    status, found = doctor()
    assert (status, found["prometheus"]["state"], found["alertmanager"]["state"]) == (2, "fail", "fail")
