"""The local state folder: where the ledger, the lab and the Prefect server keep their files."""

import os
from pathlib import Path

from windtunnel.model.errors import InputError

VARIABLE = "WINDTUNNEL_HOME"


def state_folder() -> Path:
    """Return the state folder, made if it is absent.

    It is `$WINDTUNNEL_HOME`, else `$XDG_STATE_HOME/windtunnel`, else `~/.local/state/windtunnel`.

    Raises:
        InputError: the folder cannot be made.
    """
    folder = _named()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or str(error)
        msg = f"The state folder {folder} cannot be made: {why}. Set {VARIABLE} to a folder you may write to."
        raise InputError(msg) from error
    return folder


def _named() -> Path:
    if given := os.environ.get(VARIABLE, "").strip():
        return Path(given).expanduser().absolute()
    base = os.environ.get("XDG_STATE_HOME", "").strip() or "~/.local/state"
    return Path(base).expanduser().absolute() / "windtunnel"
