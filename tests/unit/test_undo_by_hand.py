"""The commands for a person: exact, quoted, and last change first."""

import json
import shlex
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from windtunnel.clients.ticket_body import About, TicketOnCluster
from windtunnel.model.ticket import ObjectRef, UndoStep, UndoTicket
from windtunnel.report.undo_message import code_block, something_is_left
from windtunnel.undo.by_hand import commands

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
PAYMENTS = ObjectRef("Deployment", "payments", "shop", "uid-1")
NODE = ObjectRef("Node", "worker-1", uid="uid-2")
SCALE = UndoStep(PAYMENTS, "/spec/replicas", 3, 4)
CORDON = UndoStep(NODE, "/spec/unschedulable", None, changed_to=True)


def ticket(*steps: UndoStep, targets: tuple[ObjectRef, ...] = (PAYMENTS,)) -> UndoTicket:
    return UndoTicket("run-a", "deployment-scale", targets, steps, {}, NOW, NOW)


def test_the_last_change_is_taken_back_first_and_the_ticket_goes_last():
    assert commands(ticket(SCALE, CORDON)) == (
        "kubectl uncordon worker-1",
        "kubectl label node worker-1 windtunnel.dev/run-",
        """kubectl patch deployment payments -n shop --type merge -p '{"spec": {"replicas": 3}}'""",
        "kubectl label deployment payments -n shop windtunnel.dev/run-",
        "kubectl delete configmap windtunnel-undo-run-a-deployment-scale -n windtunnel",
    )


def test_where_nothing_is_to_be_put_back_one_looks():
    assert commands(ticket())[0] == "kubectl get pods -n shop"


def test_what_was_absent_is_taken_away():
    step = replace(SCALE, path="/metadata/annotations/a~1b", before=None)
    assert """'{"metadata": {"annotations": {"a/b": null}}}'""" in commands(ticket(step))[0]


@given(st.recursive(st.text() | st.integers() | st.booleans(), lambda inner: st.lists(inner, max_size=3)))
def test_quoting_survives_any_value(value):
    words = shlex.split(commands(ticket(replace(SCALE, before=value)))[0])
    assert json.loads(words[-1]) == {"spec": {"replicas": value}}


@given(st.lists(st.text(min_size=1, max_size=400), min_size=1, max_size=40))
def test_a_block_of_commands_fits_into_slack_and_cuts_none(typed):
    lines = [" ".join(line.split()) or "x" for line in typed]
    block = code_block(lines)
    assert len(block) <= 3000
    shown = block.split("\n")[1:-1]
    whole = [line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in lines]
    assert all(line in whole or line.startswith("# and ") for line in shown)


def test_the_message_says_what_is_left_why_and_what_to_type():
    found = TicketOnCluster(
        "windtunnel-undo-run-a",
        "failed",
        ticket(SCALE),
        run_id="run-a",
        about=About("payments-scaled", "ana"),
    )
    message = something_is_left("It could not be undone: <403>", found, commands(ticket(SCALE)))
    text = "\n".join(block["text"]["text"] for block in message.blocks)
    assert "payments-scaled, started by ana" in text
    assert "&lt;403&gt;" in text
    assert "kubectl patch deployment payments" in text
