"""Other ways to the same API server: as another account, or through another address."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.cluster.strict_connection import StrictConnection
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.connection import open_connection
from windtunnel.model.policy import ClusterEntry


def with_token(cluster: Cluster, folder: Path, token: str) -> Cluster:
    """Return the same cluster as the account of *token* sees it."""
    return _through(folder / "as-another-account", _server(cluster), {"token": token})


def by_way_of(cluster: Cluster, folder: Path, port: int) -> Cluster:
    """Return the same cluster, reached through 127.0.0.1:*port*; the certificate is checked as before."""
    server, known = _server(cluster), _configuration(cluster)
    address = urlsplit(server["server"])
    server["server"] = f"{address.scheme}://127.0.0.1:{port}{address.path}"
    server.setdefault("tls-server-name", address.hostname)
    bearer = "".join(known.api_key.values()).removeprefix("Bearer ")
    user = {"token": bearer, "client-certificate": known.cert_file, "client-key": known.key_file}
    return _through(folder / "by-another-way", server, {key: value for key, value in user.items() if value})


def address_of(cluster: Cluster) -> tuple[str, int]:
    """Return the API server's host and port."""
    address = urlsplit(_configuration(cluster).host)
    return str(address.hostname), address.port or (443 if address.scheme == "https" else 80)


def _configuration(cluster: Cluster) -> Any:
    return cluster._connection.client.configuration


def _server(cluster: Cluster) -> dict[str, Any]:
    known = _configuration(cluster)
    found = {
        "server": known.host,
        "certificate-authority": known.ssl_ca_cert,
        "insecure-skip-tls-verify": not known.verify_ssl,
        "tls-server-name": known.tls_server_name,
        "proxy-url": known.proxy,
    }
    return {key: value for key, value in found.items() if value}


def _through(path: Path, server: dict[str, Any], user: dict[str, Any]) -> Cluster:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": server}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(json.dumps(config))
    path.chmod(0o600)
    plain = open_connection(ClusterEntry(name="", kubeconfig=str(path)))
    return Cluster(StrictConnection(plain.client, plain.name))
