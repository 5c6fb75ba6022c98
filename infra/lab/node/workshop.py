"""What running a pod needs from the agent, in one value that is handed down."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.lab.client import Api
from infra.lab.node.events import EventRecorder
from infra.lab.node.spawner import Spawner

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Timings:
    """The node agent's waits, in seconds; the defaults are a real kubelet's unless they say otherwise.

    Attributes:
        back_off: first wait before a crashing container, or a failing pull, is tried again.
        most_back_off: the longest such wait.
        pull_error: how long ErrImagePull shows before ImagePullBackOff.
        config_retry: wait before a container with a missing config map is tried again.
        first_probe: from the start of a container to its first probe; a real kubelet's varies below a second.
        heartbeat: between two renewals of a node's lease.
    """

    back_off: float = 10.0
    most_back_off: float = 300.0
    pull_error: float = 2.0
    config_retry: float = 5.0
    first_probe: float = 0.2
    heartbeat: float = 10.0


@dataclass(frozen=True, slots=True)
class Workshop:
    """The agent's parts that pods are made with.

    Attributes:
        services: the Services of a namespace, for service links.
        folder: where pods keep logs and private files.
    """

    api: Api
    spawner: Spawner
    events: EventRecorder
    timings: Timings
    services: Callable[[str], Iterable[Object]]
    folder: Path


@dataclass(slots=True)
class PodPlace:
    """Where one pod lives: its newest object, its address and its folder."""

    pod: Object
    address: str
    node_ip: str
    folder: Path

    @property
    def full_name(self) -> str:
        """As kubelet messages name a pod: name_namespace(uid)."""
        meta = self.pod["metadata"]
        return f"{meta['name']}_{meta['namespace']}({meta['uid']})"
