"""A process that lives long and runs one experiment after another, as a flow that runs many does.

`python -m tests.kill.runner SECONDS FILE...` says a line for each run.
"""

import os
import sys
from itertools import cycle
from pathlib import Path

from tests.kill.lane import CLOCK


def main(seconds: float, files: list[Path]) -> None:
    """Run *files* in turn until *seconds* are over."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")  # as `windtunnel run` does
    from windtunnel.cli.console import note
    from windtunnel.cli.prefect_server import connect_to_prefect

    connect_to_prefect(say=note)
    from flows.experiment import experiment
    from tasks.request import RunRequest
    from windtunnel.cli.run import read_files

    until = CLOCK.monotonic() + seconds
    for file in cycle(files):
        if CLOCK.monotonic() >= until:
            return
        _, texts = read_files(file, None)
        try:
            state = experiment(RunRequest(**texts), return_state=True)
        except Exception as error:  # noqa: BLE001 - as in a flow that goes on with its next run
            told = f"{type(error).__name__}: {error}"
        else:
            told = f"{state.name}: {state.message}"
        sys.stdout.write(" ".join(told.split()) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
