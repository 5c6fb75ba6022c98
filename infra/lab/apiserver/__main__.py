"""An API server with controllers and nothing else, for development: ``python -m infra.lab.apiserver``."""

import argparse
import asyncio
import contextlib
import logging
import secrets
import sys
import tempfile
from pathlib import Path

from infra.lab.apiserver.certificates import make_certificates
from infra.lab.apiserver.server import ApiServer, create_server
from infra.lab.apiserver.web import serve
from infra.lab.client import InProcessApi


def main() -> None:
    """Serve until interrupted; the first lines say where and how to connect."""
    parser = argparse.ArgumentParser(prog="python -m infra.lab.apiserver", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=16443)
    parser.add_argument("--service-prefix", default="127.64", help="first two octets of service addresses")
    parser.add_argument("--token", default="", help="administrator's bearer token; a random one by default")
    parser.add_argument("--folder", type=Path, help="where the certificates go; a fresh one by default")
    parser.add_argument("--node-grace", type=float, default=50.0, help="seconds until a silent node is lost")
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
        service_prefix=options.service_prefix,
    )
    sys.stdout.write(
        f"url:   {server.settings.url}\ntoken: {server.settings.admin_token}\nca:    {files.ca_file}\n"
    )
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(server, files.ca_file.read_text(), node_grace_s=options.node_grace))


async def _run(server: ApiServer, root_ca: str, *, node_grace_s: float) -> None:
    from infra.lab.controllers import ControllerTimings, run_controllers

    timings = ControllerTimings(node_grace_s=node_grace_s)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(server))
        tasks.create_task(run_controllers(InProcessApi(server), timings=timings, root_ca=root_ca))


if __name__ == "__main__":
    main()
