"""An API server alone, for development: ``python -m infra.lab.apiserver --port 6443``."""

import argparse
import asyncio
import logging
import secrets
import sys
import tempfile
from pathlib import Path

from infra.lab.apiserver.certificates import make_certificates
from infra.lab.apiserver.housekeeping import keep_house
from infra.lab.apiserver.server import ApiServer, create_server
from infra.lab.apiserver.web import serve
from infra.lab.client import InProcessApi


def main() -> None:
    """Serve until interrupted; the first lines say where and how to connect."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=16443)
    parser.add_argument("--token", default="", help="administrator's bearer token; a random one by default")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where the certificates go; a fresh one by default"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    folder = options.folder or Path(tempfile.mkdtemp(prefix="lab-apiserver-"))
    files = make_certificates(folder, host=options.host)
    server = create_server(
        host=options.host,
        port=options.port,
        cert_file=str(files.cert_file),
        key_file=str(files.key_file),
        ca_file=str(files.ca_file),
        admin_token=options.token or secrets.token_urlsafe(24),
    )
    lines = (
        f"url:   {server.settings.url}",
        f"token: {server.settings.admin_token}",
        f"ca:    {files.ca_file}",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
    try:
        asyncio.run(_run(server))
    except KeyboardInterrupt:
        return


async def _run(server: ApiServer) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(server))
        tasks.create_task(keep_house(InProcessApi(server), server))


if __name__ == "__main__":
    main()
