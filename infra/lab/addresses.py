"""Where a lab listens: one /16 of loopback for each lab, so that several run side by side.

Linux answers on all of 127.0.0.0/8 without configuration. A lab takes 127.K.0.0/16 with the first free K of
64..95: its programs on 127.K.0.1, its nodes from 127.K.0.11, its pods on 127.K.16.0 and up, and its Services
on 127.K.96.0/20.
"""

import socket
from dataclasses import dataclass

from infra.lab.state import LabError

OCTETS = range(64, 96)
API_PORT, PROMETHEUS_PORT, LOAD_PORT, RECORDER_PORT, SHOP_PORT = 6443, 9090, 9091, 9099, 8080
CLAIM_PORT = 6442
"""Listening on this port of a network, and nothing else, is what makes it ours."""


@dataclass(frozen=True, slots=True)
class Network:
    """The addresses of one lab."""

    octet: int

    @property
    def prefix(self) -> str:
        """The first two octets."""
        return f"127.{self.octet}"

    @property
    def host(self) -> str:
        """Where the lab's own programs listen."""
        return f"{self.prefix}.0.1"

    @property
    def api(self) -> str:
        """The Kubernetes API."""
        return f"https://{self.host}:{API_PORT}"

    @property
    def prometheus(self) -> str:
        """Prometheus' HTTP API."""
        return f"http://{self.host}:{PROMETHEUS_PORT}"

    @property
    def load(self) -> str:
        """The load generator's metrics and rate."""
        return f"http://{self.host}:{LOAD_PORT}"

    @property
    def recorder(self) -> str:
        """Slack, PagerDuty and Alertmanager."""
        return f"http://{self.host}:{RECORDER_PORT}"

    @property
    def shop(self) -> str:
        """The shop's front page: the Service frontend."""
        return f"http://{self.prefix}.96.80:{SHOP_PORT}"


def claim(octets: range = OCTETS) -> tuple[Network, socket.socket]:
    """Take the first free network; it is ours until the returned socket closes.

    Raises:
        LabError: every one is taken.
    """
    for octet in octets:
        network = Network(octet)
        claimed = _listen(network.host, CLAIM_PORT)
        if claimed is None:
            continue
        if all(
            _is_free(network.host, port) for port in (API_PORT, PROMETHEUS_PORT, LOAD_PORT, RECORDER_PORT)
        ):
            return network, claimed
        claimed.close()
    msg = (
        f"no free loopback network: 127.{octets[0]} to 127.{octets[-1]} are all taken; "
        "stop a lab with `windtunnel lab down`, or whatever else listens on port 6443 there"
    )
    raise LabError(msg)


def _listen(host: str, port: int) -> socket.socket | None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1)
    except OSError:
        listener.close()
        return None
    return listener


def _is_free(host: str, port: int) -> bool:
    listener = _listen(host, port)
    if listener is not None:
        listener.close()
    return listener is not None
