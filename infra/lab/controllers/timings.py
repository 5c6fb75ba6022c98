"""How long controllers wait: for silent nodes, before trying again, before giving up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ControllerTimings:
    """Seconds, with the values of a real control plane unless noted.

    Attributes:
        node_grace_s: a node silent for so long is Unknown.
        node_startup_grace_s: the same for a node that never spoke.
        retry_first_s: first wait after a failed reconcile; it doubles from there.
        retry_most_s: longest wait after a failed reconcile (a real one waits up to 1000 s).
        job_backoff_s: wait before a Job replaces its first failed pod; it doubles from there.
        pod_restart_backoff_s: wait before a DaemonSet replaces a failed pod.
        disrupted_pod_s: an evicted pod that does not go for so long counts again.
        lost_pod_s: pods on a node that does not exist are removed after so long.
        unschedulable_s: how often a pod that fits nowhere is looked at again without a reason.
    """

    node_grace_s: float = 50.0
    node_startup_grace_s: float = 60.0
    retry_first_s: float = 0.005
    retry_most_s: float = 30.0
    job_backoff_s: float = 10.0
    pod_restart_backoff_s: float = 1.0
    disrupted_pod_s: float = 120.0
    lost_pod_s: float = 40.0
    unschedulable_s: float = 60.0
