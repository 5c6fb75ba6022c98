"""The lab's API server with no controllers beside it, as a program: bare_api_server.py FOLDER PORT TOKEN."""

import asyncio
import sys
from pathlib import Path

from infra.lab.apiserver.certificates import make_certificates
from infra.lab.apiserver.server import create_server
from infra.lab.apiserver.web import serve

HOST = "127.0.0.1"


def main(folder: Path, port: int, token: str) -> None:
    """Serve until terminated; the first line is printed once the certificates are there."""
    files = make_certificates(folder, host=HOST)
    server = create_server(
        host=HOST,
        port=port,
        cert_file=str(files.cert_file),
        key_file=str(files.key_file),
        ca_file=str(files.ca_file),
        admin_token=token,
    )
    sys.stdout.write(f"{files.ca_file}\n")
    sys.stdout.flush()
    asyncio.run(serve(server))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
