"""``python -m infra.lab.node.proxy``: run the service proxy as a process of its own."""

import argparse
import asyncio
import logging
import signal
from pathlib import Path

from infra.lab.client import HttpApi
from infra.lab.node import lifeline
from infra.lab.node.proxy.service_proxy import ServiceProxy


async def serve(server: str, token: str, ca_file: Path) -> None:
    """Run the proxy until SIGTERM or SIGINT."""
    async with HttpApi(server, token, ca_file) as api:
        proxy = asyncio.ensure_future(ServiceProxy(api).run())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, proxy.cancel)
        await asyncio.wait({proxy})
        if not proxy.cancelled():
            proxy.result()


def main() -> None:
    """Parse the command line and run."""
    lifeline.die_with_parent(signal.SIGTERM)
    lifeline.name_process("lab-proxy")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    parser = argparse.ArgumentParser(
        prog="python -m infra.lab.node.proxy", description="Serves a lab's ClusterIPs."
    )
    parser.add_argument("--server", required=True, help="URL of the API server")
    parser.add_argument("--ca", required=True, type=Path, help="CA certificate of the API server")
    parser.add_argument("--token-file", required=True, type=Path, help="file with a bearer token")
    asked = parser.parse_args()
    asyncio.run(serve(asked.server, asked.token_file.read_text().strip(), asked.ca))


if __name__ == "__main__":
    main()
