"""DaemonSets: one pod on every node that suits."""

from infra.lab.client import ApiError, Object
from infra.lab.controllers import kinds, ownership, pods
from infra.lab.controllers.changes import Patch
from infra.lab.controllers.cluster import Cluster
from infra.lab.controllers.daemon_set_plan import plan, plan_update, status_of
from infra.lab.controllers.ownership import controller_of, is_going
from infra.lab.controllers.revisions import ensure_revision, hash_of, to_forget
from infra.lab.controllers.timings import ControllerTimings
from infra.lab.controllers.work_queue import WorkQueue


class DaemonSetController:
    """Keeps daemons on nodes."""

    name = "daemonset"

    def __init__(self, cluster: Cluster, timings: ControllerTimings) -> None:
        self.queue: WorkQueue[tuple[str, str]] = WorkQueue(
            retry_first_s=timings.retry_first_s, retry_most_s=timings.retry_most_s
        )
        self._cluster = cluster
        self._restart_s = timings.pod_restart_backoff_s
        self._sets = cluster.cache(kinds.DAEMON_SETS)
        self._pods = cluster.cache(kinds.PODS)
        self._nodes = cluster.cache(kinds.NODES)
        self._sets.listen(self._on_set)
        self._pods.listen(self._on_pod)
        self._nodes.listen(self._on_node)

    def _on_set(self, old: Object | None, new: Object | None) -> None:
        metadata = (new or old or {})["metadata"]
        self.queue.add((metadata["namespace"], metadata["name"]))

    def _on_pod(self, old: Object | None, new: Object | None) -> None:
        for pod in (old, new):
            owner = controller_of(pod) if pod else None
            if pod is None or owner is None or owner["kind"] != "DaemonSet":
                continue
            key = (pod["metadata"]["namespace"], owner["name"])
            if pod is new and pods.phase(pod) == "Failed":
                self.queue.add_after(
                    key, self._restart_s
                )  # a daemon that fails at once is not remade in a loop
            else:
                self.queue.add(key)

    def _on_node(self, old: Object | None, new: Object | None) -> None:
        if old is not None and new is not None and _placement(old) == _placement(new):
            return
        for one in self._sets.items():
            self.queue.add((one["metadata"]["namespace"], one["metadata"]["name"]))

    async def reconcile(self, key: tuple[str, str]) -> None:
        """Make and remove daemons, replace outdated ones, then count."""
        owner = self._sets.get(*key)
        if owner is None or is_going(owner):
            return
        await self._claim(owner)
        revision, revisions = await ensure_revision(self._cluster, owner)
        nodes = self._nodes.items()
        failure: ApiError | None = None
        try:
            changes = plan(owner, nodes, self._owned(owner), revision)
            if not changes:
                changes = plan_update(owner, nodes, self._owned(owner), revision, self._cluster.now())
            await self._cluster.perform(changes)
        except ApiError as error:
            failure = error
        owned, latest = self._owned(owner), self._sets.get(*key)
        if latest is None:
            return
        status = status_of(owner, nodes, owned, revision, self._cluster.now())
        if status != latest.get("status"):
            await self._cluster.set_status(kinds.DAEMON_SETS, latest, status)
        if failure is not None:
            raise failure
        used = {(pod["metadata"].get("labels") or {}).get("controller-revision-hash", "") for pod in owned}
        await self._cluster.perform(to_forget(owner, revisions, used | {hash_of(revision)}))

    def _owned(self, owner: Object) -> list[Object]:
        return self._pods.by("controller", owner["metadata"]["uid"])

    async def _claim(self, owner: Object) -> None:
        metadata = owner["metadata"]
        selected = self._cluster.select_pods(metadata["namespace"], owner["spec"]["selector"])
        orphans = [pod for pod in selected if controller_of(pod) is None]
        claims = ownership.claim(owner, self._owned(owner), orphans)
        adopt = (Patch(kinds.PODS, pod, ownership.adoption(pod, owner)) for pod in claims.adopt)
        release = (Patch(kinds.PODS, pod, ownership.release(pod, metadata["uid"])) for pod in claims.release)
        await self._cluster.perform([*adopt, *release])


def _placement(node: Object) -> tuple[object, ...]:
    """What of a node decides whether daemons run there."""
    spec = node.get("spec") or {}
    return node["metadata"].get("labels"), spec.get("taints"), spec.get("unschedulable")
