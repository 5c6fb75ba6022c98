"""What Prefect logs of a run holds no secret, its tracebacks included."""

import logging
import os
import traceback

from windtunnel.redaction import learn_environment, redact

_LOGGERS = (
    "prefect.flow_runs",
    "prefect.task_runs",
    "prefect.engine",  # in a worker's process, it says what a flow raised
    "prefect.windtunnel.aftermath",
)


def without_secrets(record: logging.LogRecord) -> bool:
    """Redact the message and the traceback of *record*, which is let through always."""
    record.msg, record.args = redact(record.getMessage()), ()
    if record.exc_info and record.exc_info[0] is not None:
        # a formatter takes this text where it is set, and formats the exception itself where it is not
        record.exc_text = redact("".join(traceback.format_exception(*record.exc_info)).rstrip("\n"))
    return True


def keep_secrets_out() -> None:
    """Redact what is logged of runs from now on; a served run never passes the command line."""
    learn_environment(os.environ)
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(without_secrets)
