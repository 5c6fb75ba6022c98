"""Run the recorder: ``python -m infra.lab.recorder --host 127.64.0.1``."""

import argparse
import sys

from infra.lab.recorder.app import Recorder
from infra.lab.serving import log_to_stdout, run_until_signal, serve_app


def main(arguments: list[str]) -> int:
    """Serve until told to stop; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.lab.recorder")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9099)
    options = parser.parse_args(arguments)
    log_to_stdout()
    run_until_signal(serve_app(Recorder().app(), host=options.host, port=options.port))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
