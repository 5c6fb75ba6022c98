"""An error nobody foresaw: keep its traceback in a file, show the user one line."""

import tempfile
import traceback
from pathlib import Path

from windtunnel.clients.home import state_folder
from windtunnel.clock import SystemClock
from windtunnel.model.errors import InputError
from windtunnel.redaction import redact

_SHOWN = 200


def save_traceback(error: Exception) -> str:
    """Write the traceback of *error* to a file and return the sentence that names it.

    Where no file can be written, the traceback is in the sentence.
    """
    words = redact("".join(traceback.format_exception(error)))
    what = redact(f"{type(error).__name__}: {error}").splitlines()[0][:_SHOWN]
    try:
        where = f"The traceback is in {_keep(words)}"
    except OSError as error_of_keeping:
        where = f"The traceback could not be kept ({error_of_keeping.strerror}):\n{words}"
    return f"Internal error, which is windtunnel's fault: {what}\n{where}"


def _keep(words: str) -> Path:
    try:
        folder = state_folder() / "crashes"
        folder.mkdir(exist_ok=True)
        file = folder / f"{SystemClock().now():%Y%m%d-%H%M%S-%f}.txt"
        file.write_text(words, encoding="utf-8")
    except (OSError, InputError):  # the state folder itself may be what is broken
        with tempfile.NamedTemporaryFile(
            "w", prefix="windtunnel-crash-", suffix=".txt", encoding="utf-8", delete=False
        ) as kept:
            kept.write(words)
        return Path(kept.name)
    return file
