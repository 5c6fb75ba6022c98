"""StatefulSets: pods with lasting names, made in order and replaced from the top."""

from infra.lab.client import ApiError, Object
from infra.lab.controllers import kinds, ownership, pods
from infra.lab.controllers.changes import Patch
from infra.lab.controllers.cluster import Cluster
from infra.lab.controllers.ownership import controller_of, is_going
from infra.lab.controllers.revisions import ensure_revision, hash_of, to_forget
from infra.lab.controllers.stateful_set_plan import Fleet, by_ordinal, plan, status_of
from infra.lab.controllers.timings import ControllerTimings
from infra.lab.controllers.work_queue import WorkQueue


class StatefulSetController:
    """Keeps StatefulSets complete, in order."""

    name = "statefulset"

    def __init__(self, cluster: Cluster, timings: ControllerTimings) -> None:
        self.queue: WorkQueue[tuple[str, str]] = WorkQueue(
            retry_first_s=timings.retry_first_s, retry_most_s=timings.retry_most_s
        )
        self._cluster = cluster
        self._sets = cluster.cache(kinds.STATEFUL_SETS)
        self._pods = cluster.cache(kinds.PODS)
        self._sets.listen(self._on_set)
        self._pods.listen(self._on_pod)

    def _on_set(self, old: Object | None, new: Object | None) -> None:
        metadata = (new or old or {})["metadata"]
        self.queue.add((metadata["namespace"], metadata["name"]))

    def _on_pod(self, old: Object | None, new: Object | None) -> None:
        for pod in (old, new):
            owner = controller_of(pod) if pod else None
            if pod and owner is not None and owner["kind"] == "StatefulSet":
                self.queue.add((pod["metadata"]["namespace"], owner["name"]))
            elif pod and owner is None and pod is new:
                namespace = pod["metadata"]["namespace"]
                for one in self._sets.items(namespace):
                    if by_ordinal(one, (pod,)) and ownership.claim(one, (), (pod,)).adopt:
                        self.queue.add((namespace, one["metadata"]["name"]))

    async def reconcile(self, key: tuple[str, str]) -> None:
        """One step towards the wanted pods, then the status."""
        owner = self._sets.get(*key)
        if owner is None or is_going(owner):
            return
        await self._claim(owner)
        update, revisions = await ensure_revision(self._cluster, owner)
        named = (owner.get("status") or {}).get("currentRevision", "")
        current = next((one for one in revisions if one["metadata"]["name"] == named), update)
        before = Fleet(owner, current, update, self._owned(owner))
        failure: ApiError | None = None
        try:
            await self._claim_volumes(before)
            await self._cluster.perform(plan(before, self._cluster.now()))
        except ApiError as error:
            failure = error
        fleet = Fleet(owner, current, update, self._owned(owner))
        await self._report(key, fleet)
        if failure is not None:
            raise failure
        used = {hash_of(current), hash_of(update)}
        used |= {
            (pod["metadata"].get("labels") or {}).get("controller-revision-hash", "")
            for pod in fleet.pods.values()
        }
        await self._cluster.perform(to_forget(owner, revisions, used))

    async def _report(self, key: tuple[str, str], fleet: Fleet) -> None:
        latest = self._sets.get(*key)
        if latest is None:
            return
        now = self._cluster.now()
        status = status_of(fleet, now)
        if status != latest.get("status"):
            await self._cluster.set_status(kinds.STATEFUL_SETS, latest, status)
        min_ready_s = fleet.owner["spec"].get("minReadySeconds", 0)
        waits = [pods.available_in_s(pod, min_ready_s, now) for pod in fleet.pods.values()]
        left = [wait for wait in waits if wait is not None and wait > 0]
        if left:
            self.queue.add_after(key, min(left))

    def _owned(self, owner: Object) -> dict[int, Object]:
        return by_ordinal(owner, self._pods.by("controller", owner["metadata"]["uid"]))

    async def _claim(self, owner: Object) -> None:
        metadata = owner["metadata"]
        selected = self._cluster.select_pods(metadata["namespace"], owner["spec"]["selector"])
        orphans = [pod for pod in selected if controller_of(pod) is None]
        claims = ownership.claim(owner, self._pods.by("controller", metadata["uid"]), orphans)
        mine = by_ordinal(owner, claims.adopt).values()
        adopt = (Patch(kinds.PODS, pod, ownership.adoption(pod, owner)) for pod in mine)
        release = (Patch(kinds.PODS, pod, ownership.release(pod, metadata["uid"])) for pod in claims.release)
        await self._cluster.perform([*adopt, *release])

    async def _claim_volumes(self, fleet: Fleet) -> None:
        """The volume claims of pods that are about to be made; they outlive the pods."""
        templates = fleet.owner["spec"].get("volumeClaimTemplates") or ()
        if not templates:
            return
        namespace, name = fleet.owner["metadata"]["namespace"], fleet.owner["metadata"]["name"]
        claims = self._cluster.cache(kinds.VOLUME_CLAIMS)
        for ordinal in fleet.ordinals:
            for template in templates:
                claim = f"{template['metadata']['name']}-{name}-{ordinal}"
                if claims.get(namespace, claim) is None:
                    metadata = {**template["metadata"], "name": claim, "namespace": namespace}
                    body = {"metadata": metadata, "spec": template["spec"]}
                    await self._cluster.create(kinds.VOLUME_CLAIMS, namespace, body)
