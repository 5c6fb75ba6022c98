"""``python -m infra.lab.node``: run the node agent."""

import argparse
import asyncio
import logging
import signal
from pathlib import Path

from infra.lab.node import lifeline
from infra.lab.node.agent import Settings, serve
from infra.lab.node.workshop import Timings


def main() -> None:
    """Parse the command line and run until SIGTERM."""
    lifeline.die_with_parent(signal.SIGTERM)
    lifeline.name_process("lab-node")
    asked = _parser().parse_args()
    logging.basicConfig(
        level=logging.WARNING if asked.quiet else logging.INFO,
        format="%(asctime)s %(name)s %(levelname)s %(message)s",
    )
    timings = Timings(back_off=asked.back_off, heartbeat=asked.heartbeat)
    settings = Settings(
        server=asked.server,
        ca_file=asked.ca,
        token_file=asked.token_file,
        octet=asked.octet,
        nodes=asked.nodes,
        folder=asked.folder.resolve(),
        proxy=asked.proxy,
        timings=timings,
    )
    asyncio.run(serve(settings))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.lab.node", description="Plays the nodes of a lab.")
    parser.add_argument("--server", required=True, help="URL of the API server")
    parser.add_argument("--ca", required=True, type=Path, help="CA certificate of the API server")
    parser.add_argument("--token-file", required=True, type=Path, help="file with a bearer token")
    parser.add_argument("--octet", required=True, type=int, help="K of the lab's network 127.K.0.0/16")
    parser.add_argument("--nodes", type=int, default=3, help="how many nodes to play")
    parser.add_argument("--folder", required=True, type=Path, help="where pods keep logs and private files")
    parser.add_argument(
        "--no-proxy", dest="proxy", action="store_false", help="leave the service proxy to others"
    )
    parser.add_argument(
        "--back-off", type=float, default=Timings().back_off, help="first restart wait, seconds"
    )
    parser.add_argument("--heartbeat", type=float, default=Timings().heartbeat, help="lease renewal, seconds")
    parser.add_argument("--quiet", action="store_true", help="log only what fails")
    return parser


if __name__ == "__main__":
    main()
