"""Calling people when undo fails again and again: PagerDuty and Slack, with the commands to type."""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from windtunnel.clients import paging, telling, tickets
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.installation import LAB
from windtunnel.clients.slack import Slack, slack_from_environment
from windtunnel.clients.ticket_body import TicketOnCluster
from windtunnel.model.errors import ClusterError, ConflictError, NotFoundError
from windtunnel.model.forms import stamp
from windtunnel.report.undo_message import all_is_back, something_is_left
from windtunnel.undo.by_hand import commands

PATIENCE = 3  # undos that fail before somebody is called: some ten seconds
AGAIN = timedelta(minutes=15)  # until they are called once more
TELL_AGAIN = timedelta(seconds=30)  # until those are told again that all is back who could not be reached
LIMIT_S = 10.0  # of a call, in all its ways: a janitor has others to undo for
CHANNEL = "WINDTUNNEL_SLACK_CHANNEL"  # for an experiment that names none


def must_call(found: TicketOnCluster, now: datetime) -> bool:
    """Say whether people are to be called for a ticket whose undo has just failed. Pure."""
    if found.tries < PATIENCE:
        return False
    return found.called_at is None or now >= found.called_at + AGAIN


def call_for(cluster: Cluster, name: str, now: datetime) -> tuple[str, ...]:
    """Call people for the ticket *name* if it is time; return what could not be told, a sentence each.

    Of several janitors one calls: the call is written on the ticket first, at the version that was read. A
    call that reached nobody is taken off again, and tried with the next failure.
    """
    try:
        found = tickets.read(cluster, name)
        if not (found.open and must_call(found, now)):
            return ()
        tickets.called(cluster, found, at=now)
    except (ConflictError, NotFoundError):
        return ()  # another janitor calls, or there is nothing to call for any more
    except ClusterError as error:
        return (f"Nobody was called to {name}, which cannot be written on it: {error}",)
    reached, untold = call(found, cluster.label, found.last_error)
    if untold and not reached:
        with suppress(ClusterError):
            tickets.called(cluster, tickets.read(cluster, name), at=found.called_at)
    return untold


def call_at_once(cluster: Cluster, found: TicketOnCluster, why: str, *, now: datetime) -> tuple[str, ...]:
    """Call people for a ticket that its own run cannot undo; return what could not be told.

    It is written on the ticket if the cluster takes it, so that they are told when it is undone after all.
    """
    reached, untold = call(found, cluster.label, why)
    if reached:
        with suppress(ClusterError):
            tickets.called(cluster, tickets.read(cluster, found.name), at=now)
    return untold


def call(found: TicketOnCluster, where: str, why: str) -> tuple[int, tuple[str, ...]]:
    """Call people for *found*; return in how many ways they were reached, and why not in the others.

    Args:
        found: The ticket that is not undone.
        where: The cluster, as messages name it.
        why: What its undo ended with.
    """
    typed = commands(found.ticket) if found.ticket else ()
    fault = found.ticket.fault if found.ticket else "a fault"
    summary = f"{fault} of run {found.run_id} on {where} could not be undone: {why or found.error}"
    message = something_is_left(summary, found, typed)
    details = {
        "run": found.run_id,
        "experiment": found.about.experiment,
        "expires_at": stamp(found.ticket.expires_at) if found.ticket else "",
        "error": why or found.error,
        "commands": list(typed),
    }
    ways = _ways(
        found,
        lambda: paging.page(summary=summary, source=where, dedup_key=found.name, details=details),
        lambda slack, channel: slack.post(channel, message),
    )
    if not ways:
        return 0, (
            f"Nobody can be called to {found.name}: set {paging.KEY}, or SLACK_BOT_TOKEN and {CHANNEL}.",
        )
    failed = telling.take(ways, limit_s=LIMIT_S)
    return len(ways) - len(failed), tuple(failed.values())


def must_tell(found: TicketOnCluster, now: datetime) -> bool:
    """Say whether those who were called to a closed ticket may still have to be told. Pure."""
    if found.open or found.called_at is None:
        return False
    return found.told_at is None or now >= found.told_at + TELL_AGAIN


def recovered(cluster: Cluster, found: TicketOnCluster, now: datetime) -> tuple[str, ...]:
    """Tell those who were called that the ticket is undone after all; return what could not be told.

    In which ways they have been told is written on the ticket, and the next pass of the janitor tries the
    others again. Of several janitors one tells.
    """
    if found.called_at is None:
        return ()
    all_ways = _ways(
        found,
        lambda: paging.resolve(found.name),
        lambda slack, channel: slack.post(channel, all_is_back(found)),
    )
    ways = {name: way for name, way in all_ways.items() if name not in found.told}
    if not ways:
        return ()
    try:
        tickets.told(cluster, found, at=now)
    except ConflictError:
        return ()
    except NotFoundError:
        pass  # somebody has removed it, and they are to be told all the same
    except ClusterError as error:
        return (f"Nobody was told that {found.name} is undone, which cannot be written on it: {error}",)
    failed = telling.take(ways, limit_s=LIMIT_S)
    with suppress(ClusterError):  # then a later pass tells them once more, which is better than never
        tickets.told(cluster, tickets.read(cluster, found.name), ways.keys() - failed.keys(), at=now)
    return tuple(failed.values())


def _ways(
    found: TicketOnCluster, page: Callable[[], None], post: Callable[[Slack, str], object]
) -> dict[str, Callable[[], object]]:
    """Return every way to reach people that is set up here, by its name."""
    channel = found.about.channel or os.environ.get(CHANNEL, "").strip()
    slack = slack_from_environment(lab=found.ticket is not None and found.ticket.cluster == LAB)
    ways: dict[str, Callable[[], object]] = {"PagerDuty": page} if paging.can_page() else {}
    if slack and channel:
        ways["Slack"] = lambda: post(slack, channel)
    return ways
