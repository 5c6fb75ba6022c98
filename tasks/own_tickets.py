"""A run's own undo tickets on the cluster: written before the change, and watched while the fault is in.

Without its ticket a fault would outlive its run if that died now. So a run whose ticket somebody closed or
removed stops, and undoes.
"""

from tasks.live_run import LiveRun
from windtunnel.clients import tickets
from windtunnel.clients.ticket_body import ticket_to_json
from windtunnel.ledger import TicketState
from windtunnel.model.claim import hits
from windtunnel.model.errors import ClusterError, ConflictError, FaultError, NotFoundError
from windtunnel.model.ticket import UndoTicket
from windtunnel.redaction import redact


def refuse_secrets(ticket: UndoTicket) -> None:
    """Keep no ticket that holds a secret: with `***` in it, it could not be undone.

    Raises:
        FaultError: it holds one; nothing may be injected.
    """
    if redact(text := ticket_to_json(ticket)) != text:
        msg = (
            f"the undo ticket of {ticket.fault} would hold a secret: what it puts back, or a name in it, "
            "has the value of one that this process knows (a variable named like ..._TOKEN or "
            "..._PASSWORD, or one that the experiment uses); rename the object, or take the variable away"
        )
        raise FaultError(msg)


def write(run: LiveRun, ticket: UndoTicket, *, state: TicketState = TicketState.PREPARED) -> None:
    """Put *ticket* on the cluster.

    Raises:
        ClusterError: it could not be written; nothing may be injected then.
    """
    tickets.write(run.cluster, ticket, state=state, things=hits(run.claims), about=_about(run))


def seen(run: LiveRun, ticket: UndoTicket) -> tickets.TicketOnCluster:
    """Return a ticket as it lies on the cluster, without asking the cluster."""
    return tickets.TicketOnCluster(
        ticket.id, TicketState.FAILED, ticket, run_id=run.run_id, about=_about(run)
    )


def _about(run: LiveRun) -> tickets.About:
    return tickets.About(
        experiment=run.experiment.name,
        by=run.request.triggered_by,
        channel=run.experiment.slack_channel or run.policy.slack_channel,
        order=len(run.injected),
    )


def in_time(run: LiveRun, ticket: UndoTicket) -> None:
    """Change nothing after the ticket's time: whoever watches over it has closed it by then.

    Raises:
        FaultError: its time is up.
    """
    if run.clock.now() >= ticket.expires_at:
        msg = f"the undo ticket {ticket.id} ran out at {ticket.expires_at:%H:%M:%S}Z, before the change"
        raise FaultError(msg)


def confirm(run: LiveRun, ticket: UndoTicket) -> None:
    """Say on the ticket that the fault is in; where it was closed meanwhile, open it again and stop.

    A process that slept between its ticket and its change may wake when it was taken for dead, and its ticket
    undone and closed.
    """
    try:
        tickets.mark(run.cluster, ticket, TicketState.INJECTED, expect=(TicketState.PREPARED,))
    except NotFoundError:
        write(run, ticket, state=TicketState.INJECTED)
        run.stop("ticket", f"Somebody removed the undo ticket {ticket.id} while the fault was injected.")
    except ConflictError:
        tickets.mark(run.cluster, ticket, TicketState.INJECTED)
        run.stop("ticket", f"Somebody closed the undo ticket {ticket.id} while the fault was injected.")
    except ClusterError as error:  # it stands as prepared, which is as good for whoever must undo
        run.log.warning("The undo ticket %s could not be moved on: %s", ticket.id, error)


def watch(run: LiveRun) -> None:
    """Stop *run* if one of its tickets is no longer open on the cluster.

    A cluster that does not answer says nothing: the lease is lost then, too.
    """
    wanted = [plan.ticket.id for plan in run.injected]
    if not wanted or run.undone or not run.inject_over:
        return
    try:
        standing = {one.name for one in tickets.list_all(run.cluster, run_id=run.run_id) if one.open}
    except ClusterError:
        return
    for name in wanted:
        if name not in standing and not run.undone:
            run.stop("ticket", f"Somebody closed or removed the undo ticket {name}.")
