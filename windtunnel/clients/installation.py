"""Where the clusters are: the running lab, those a policy names, and the current kube context."""

import difflib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from windtunnel.clients.home import state_folder
from windtunnel.model.errors import InputError, UnreachableError
from windtunnel.model.policy import ClusterEntry, Policy

LAB = "lab"


@dataclass(frozen=True, slots=True)
class LabInstance:
    """Addresses of the running lab, as it wrote them down."""

    pid: int
    kubeconfig: str
    api: str = ""
    prometheus: str = ""
    recorder: str = ""
    slack_api: str = ""
    shop: str = ""
    prefect: str = ""
    started_at: str = ""
    logs: str = ""


def running_lab(state: Path | None = None) -> LabInstance | None:
    """Return the lab that runs now, or None. A file left behind by a lab that died does not count.

    Raises:
        InputError: the lab's file is there but cannot be read as what it should be.
    """
    path = (state or state_folder()) / LAB / "lab.json"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read: {error}; stop the lab with `windtunnel lab down` and start it again"
        raise InputError(msg) from error
    lab = _lab_from(text, path)
    return lab if _alive(lab.pid) else None


def cluster_entry(policy: Policy, name: str) -> ClusterEntry:
    """Say how to reach the cluster called *name*; the empty name means the current kube context.

    The name `lab` means the running lab, unless the policy has an entry of that name; a Prometheus that the
    policy names is asked instead of the lab's own.

    Raises:
        InputError: the policy has no such cluster.
        UnreachableError: the lab is meant and does not run.
    """
    if name in policy.clusters:
        return policy.clusters[name]
    if not name:
        return ClusterEntry(name="")
    if name == LAB:
        lab = running_lab()
        if lab is None:
            msg = 'the cluster "lab" is not running; start it with `windtunnel lab up`'
            raise UnreachableError(msg)
        prometheus = policy.prometheus_url or lab.prometheus  # what somebody wrote wins over the default
        return ClusterEntry(name=LAB, kubeconfig=lab.kubeconfig, prometheus_url=prometheus)
    known = sorted({*policy.clusters, LAB})
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" did you mean {near[0]!r}?" if near else ""
    where = policy.source or "the policy"
    msg = f"{where}: there is no cluster {name!r};{hint} known are {', '.join(known)}"
    raise InputError(msg)


def prometheus_url(policy: Policy, entry: ClusterEntry) -> str:
    """Return the Prometheus of *entry*: its own, else the policy's, else "" for none."""
    return (entry.prometheus_url or policy.prometheus_url).rstrip("/")


def _lab_from(text: str, path: Path) -> LabInstance:
    try:
        data: Any = json.loads(text)
        texts = {key: str(data[key]) for key in LabInstance.__slots__ if key != "pid" and data.get(key)}
        return LabInstance(pid=int(data["pid"]), **texts)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        msg = f"{path} is not what `windtunnel lab up` writes ({error!r}); run `windtunnel lab down`"
        raise InputError(msg) from error


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # it lives, under another user
    return not _zombie(pid)


def _zombie(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False  # no /proc here: the signal's answer stands
    return stat.rpartition(")")[2].split()[:1] == ["Z"]
