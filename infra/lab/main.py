"""The lab's main process: ``python -m infra.lab.main --home FOLDER``; `windtunnel lab up` starts it."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from infra.lab.addresses import claim
from infra.lab.announcer import Announcer
from infra.lab.state import LabError, LabFolder
from infra.lab.whole_lab import Lab, Plan

LOG = logging.getLogger("lab")


async def _run(lab: Lab, announce: Announcer) -> int:
    work = asyncio.ensure_future(lab.run(announce))
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        LOG.info("asked to stop; stopped")
    except Exception as error:
        LOG.exception("the lab stops")
        announce.failed(str(error) if isinstance(error, LabError) else repr(error))
        return 1
    return 0


def main(arguments: list[str]) -> int:
    """Run a lab until told to stop; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.lab.main", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument(
        "--prometheus", default="", help="a prometheus program; the embedded engine by default"
    )
    parser.add_argument("--ready-within", type=float, default=60.0)
    parser.add_argument("--ready-fd", type=int, default=-1, help="where to write how the start went")
    options = parser.parse_args(arguments)
    logging.basicConfig(
        stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    announce = Announcer(options.ready_fd)
    plan = Plan(options.replicas, options.nodes, options.rate, options.prometheus, options.ready_within)
    try:
        folder = LabFolder(options.home)
        held = folder.hold()
        network, claimed = claim()
    except (LabError, OSError) as error:
        LOG.error("%s", error)  # noqa: TRY400 - the sentence says it all
        announce.failed(str(error))
        return 1
    LOG.info("process %d, network %s.0.0/16, home %s", os.getpid(), network.prefix, folder.home)
    with claimed:
        status = asyncio.run(_run(Lab(folder, network, plan), announce))
    os.close(held)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
