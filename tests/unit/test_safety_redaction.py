"""A secret that a placeholder filled in is in no record, no terminal and no traceback."""

import json
import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.own_tickets import refuse_secrets
from tasks.prefect_logs import without_secrets
from windtunnel.cli.console import complain, note, say
from windtunnel.cli.crash import save_traceback
from windtunnel.clock import SystemClock
from windtunnel.ledger import open_ledger
from windtunnel.ledger.runs import Origin
from windtunnel.model.errors import FaultError, InputError
from windtunnel.model.record import Event, EventKind, Phase, Sample
from windtunnel.model.ticket import ObjectRef, UndoStep, UndoTicket
from windtunnel.probes.placeholders import fill_in
from windtunnel.redaction import RedactedError, learn, learn_environment, one_line, redact, secrets_kept_in


@pytest.fixture
def canary():
    value = 'canary-"of"-the/test+1'
    fill_in("Bearer ${CANARY}", {"CANARY": value})
    return value


def test_the_terminal_shows_no_secret(canary, capsys):
    for write in (say, note, complain):
        write(f"the server said: {canary}")
    told = "".join(capsys.readouterr())
    assert canary not in told
    assert told.count("the server said: ***") == 3


def test_a_kept_traceback_holds_no_secret(canary, tmp_path, monkeypatch):
    monkeypatch.setenv("WINDTUNNEL_HOME", str(tmp_path))
    told = save_traceback(ValueError(f"cannot use {canary}"))
    kept = Path(told.rsplit("The traceback is in ", 1)[1]).read_text(encoding="utf-8")
    assert "cannot use ***" in told
    assert "cannot use ***" in kept


def test_the_files_of_the_ledger_hold_no_secret(canary, tmp_path):
    now = SystemClock().now()
    with open_ledger(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        ledger.begin("r1", "shop", origin=Origin(experiment_text=canary, policy_text=canary))
        ledger.append("r1", Event(now, EventKind.ERROR, canary, {"deep": [{"traceback": canary}]}))
        sample = Sample(
            at=now,
            probe="p",
            phase=Phase.BASELINE,
            ok=False,
            value=None,
            took_s=0.1,
            detail=canary,
            error=canary,
        )
        ledger.append_samples("r1", [sample])
        ledger.flush()
        written = b"".join(file.read_bytes() for file in tmp_path.glob("ledger.db*"))
    assert b"traceback" in written
    assert b"canary-" not in written


def test_a_log_record_holds_no_secret_and_its_traceback_neither(canary):
    error = ValueError(canary)
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "saw %s", (canary,), (ValueError, error, None))
    assert without_secrets(record)
    told = logging.Formatter().format(record)
    assert "saw ***" in told
    assert "ValueError: ***" in told
    assert canary not in told


def test_variables_named_like_secrets_and_passwords_in_addresses_are_secrets():
    learn_environment(
        {"SHOP_TOKEN": "env-canary-1", "SOME_URL": "http://me:env%2Dcanary-2@shop/", "PLAIN": "plainly"}
    )
    assert redact("env-canary-1 env-canary-2 env%2Dcanary-2 plainly") == "*** *** *** plainly"


def test_a_text_is_cut_after_its_secrets_are_out(canary):
    told = one_line(f"{'x' * 10}\n{canary}", 20)
    assert told == f"{'x' * 10} ***"
    assert one_line(f"{canary} {'y' * 50}", 20) == f"*** {'y' * 13}..."


def test_an_error_leaves_a_step_without_the_secret_and_as_what_it_was(canary):
    class Of(Exception):  # noqa: N818 - a stranger's
        def __str__(self):
            return f"kept elsewhere: {canary}"

    for error, kind, told in (
        (InputError(f"cannot use {canary}"), InputError, "cannot use ***"),
        (KeyError(canary), KeyError, "'***'"),
        (Of(), RedactedError, "Of: kept elsewhere: ***"),
        (ValueError("as it was"), ValueError, "as it was"),
    ):
        with pytest.raises(kind) as raised, secrets_kept_in():
            raise error
        assert str(raised.value) == told
        assert raised.value.__cause__ is None


def test_an_undo_ticket_that_would_hold_a_secret_is_refused(canary):
    ref = ObjectRef("Deployment", "web", "shop", "u")
    ticket = UndoTicket(
        run_id="r",
        fault="env-change",
        targets=(ref,),
        steps=(UndoStep(ref, "/spec/token", before=canary, changed_to="x"),),
        parameters={},
        created_at=SystemClock().now(),
        expires_at=SystemClock().now(),
    )
    with pytest.raises(FaultError, match="the undo ticket of env-change would hold a secret"):
        refuse_secrets(ticket)
    refuse_secrets(replace(ticket, steps=()))


def test_a_secret_with_signs_that_are_escaped_is_in_no_report_and_in_no_message():
    from windtunnel.report import markdown_text, slack_blocks

    secret = "canary*_&<`of>[the]|test"
    learn(secret)
    texts = [
        markdown_text.escape(f"a {secret}"),
        markdown_text.code(f"a {secret}"),
        markdown_text.table(["a"], [["x" * 290 + secret]]),
        str(slack_blocks.plain_message("a" * 2990 + secret)),
        str(slack_blocks.sections("a " + slack_blocks.escape(secret))),
    ]
    assert [text for text in texts if "canary" in text or "test" in text] == []
    assert texts[0] == r"a \*\*\*"


def test_what_pulls_the_lever_writes_no_secret_on_the_cluster():
    from windtunnel.clients.halt import told

    learn("canary-in-a-reason")
    written = told(reason="see canary-in-a-reason", by="canary-in-a-reason", now=SystemClock().now())
    assert (written["reason"], written["by"]) == ("see ***", "***")


def test_the_key_of_a_kubeconfig_is_a_secret(tmp_path):
    from windtunnel.clients.connection import open_connection
    from windtunnel.model.policy import ClusterEntry

    body = "canary+of/the+key+canary+of/the+key" * 2
    pem = f"-----BEGIN PRIVATE KEY-----\n{body[:64]}\n{body[64:]}\n-----END PRIVATE KEY-----\n"
    (tmp_path / "key").write_text(pem)
    user = {"client-certificate": "cert", "client-key": "key"}
    (tmp_path / "cert").write_text("none")
    config = {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "it", "user": user}],
    }
    (tmp_path / "config").write_text(json.dumps(config))
    with suppress(ValueError, OSError):  # the certificate is none
        open_connection(ClusterEntry(name="it", kubeconfig=str(tmp_path / "config"), context="it"))
    assert redact(f"a {pem} b {body} c") == "a ***\n b *** c"


@pytest.mark.parametrize(
    "logger", ["prefect.flow_runs", "prefect.task_runs", "prefect.engine", "prefect.windtunnel.aftermath"]
)
def test_no_log_of_a_run_holds_a_secret(logger):
    import tasks.step  # noqa: F401 - as every flow does

    learn("canary-in-a-log")
    record = logging.LogRecord(logger, logging.ERROR, "f", 1, "saw %s", ("canary-in-a-log",), None)
    assert logging.getLogger(logger).filter(record)
    assert record.getMessage() == "saw ***"
