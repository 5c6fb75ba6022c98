"""What Slack shows when something injected is left behind, and when it is back."""

from collections.abc import Sequence

from windtunnel.clients.ticket_body import TicketOnCluster
from windtunnel.report.slack_blocks import SECTION_LIMIT, Message, escape, plain_message, sections

_FENCE = 8  # characters around the commands


def something_is_left(summary: str, found: TicketOnCluster, commands: Sequence[str]) -> Message:
    """Say what is left, since when, why, and what to type."""
    about = f"{found.about.experiment or 'an experiment'}, started by {found.about.by or 'somebody'}"
    head = f":rotating_light: *Undo failed*: {escape(about)}"
    return sections(
        f"{head}\n{escape(summary)}",
        "By hand, once you have looked (`windtunnel status` shows it as well):",
        code_block(commands),
    )


def all_is_back(found: TicketOnCluster) -> Message:
    """Say that what people were called for is undone."""
    return plain_message(f":large_green_circle: *Undone after all*: run {found.run_id}, {found.name}.")


def code_block(commands: Sequence[str]) -> str:
    """Return *commands* as one block; where they are too many, whole ones are left out, and counted."""
    kept: list[str] = []
    room = SECTION_LIMIT - _FENCE - len("# and 9999 more: windtunnel status --json")
    for command in map(escape, commands):
        room -= len(command) + 1
        if room < 0:
            break
        kept.append(command)
    left = len(commands) - len(kept)
    more = [f"# and {left} more: windtunnel status --json"] if left else []
    return "```\n" + "\n".join([*kept, *more]) + "\n```"
