"""Deployments: one ReplicaSet per template, and the way from the old ones to the new."""

from dataclasses import dataclass

from infra.lab.client import ApiError, Object
from infra.lab.controllers import kinds, ownership
from infra.lab.controllers.changes import Change, Note, Patch, Remove
from infra.lab.controllers.cluster import Cluster
from infra.lab.controllers.deployment_rollout import (
    Resize,
    initial_size,
    is_resized,
    proportional_step,
    recreate_step,
    rolling_step,
)
from infra.lab.controllers.deployment_sets import (
    REVISION,
    current_set,
    new_set,
    next_revision,
    scale_annotations,
    set_annotations,
    size,
    to_forget,
)
from infra.lab.controllers.deployment_status import Milestone, seconds_left, status_of
from infra.lab.controllers.ownership import controller_of, is_going
from infra.lab.controllers.pods import condition, is_finished
from infra.lab.controllers.templates import template_hash
from infra.lab.controllers.timings import ControllerTimings
from infra.lab.controllers.work_queue import WorkQueue

COMPONENT = "deployment-controller"


@dataclass(frozen=True, slots=True)
class Sets:
    """A deployment's ReplicaSets."""

    new: Object | None
    old: tuple[Object, ...]

    @property
    def every(self) -> tuple[Object, ...]:
        """All of them."""
        return (*((self.new,) if self.new else ()), *self.old)


def resize(deployment: Object, step: Resize) -> Patch:
    """The change that gives a ReplicaSet its next size, and the event that tells of it."""
    before, name = size(step.replica_set), step.replica_set["metadata"]["name"]
    direction = "up" if step.replicas > before else "down"
    message = f"Scaled {direction} replica set {name} from {before} to {step.replicas}"
    note = Note(deployment, COMPONENT, "ScalingReplicaSet", message) if step.replicas != before else None
    body = {"metadata": {"annotations": scale_annotations(deployment)}, "spec": {"replicas": step.replicas}}
    return Patch(kinds.REPLICA_SETS, step.replica_set, body, note=note)


def next_steps(deployment: Object, sets: Sets, *, pods_left: bool) -> list[Resize]:
    """What to resize now; `pods_left`: pods of old sets still run, which a recreation waits for."""
    recreating = (deployment["spec"].get("strategy") or {}).get("type") == "Recreate"
    if deployment["spec"].get("paused") or (is_resized(deployment, sets.every) and not recreating):
        steps = proportional_step(deployment, sets.new, sets.old)
        return [step for step in steps if _matters(deployment, step)]
    if recreating:
        steps = recreate_step(deployment, sets.new, sets.old)
        return [step for step in steps if step.replicas == 0 or not pods_left]
    return rolling_step(deployment, sets.new, sets.old) if sets.new is not None else []


def _matters(deployment: Object, step: Resize) -> bool:
    """Whether a step changes anything, be it only what the set remembers of the deployment's size."""
    have = step.replica_set["metadata"].get("annotations") or {}
    remembered = scale_annotations(deployment).items() <= have.items()
    return step.replicas != size(step.replica_set) or not remembered


class DeploymentController:
    """Rolls deployments out."""

    name = "deployment"

    def __init__(self, cluster: Cluster, timings: ControllerTimings) -> None:
        self.queue: WorkQueue[tuple[str, str]] = WorkQueue(
            retry_first_s=timings.retry_first_s, retry_most_s=timings.retry_most_s
        )
        self._cluster = cluster
        self._deployments = cluster.cache(kinds.DEPLOYMENTS)
        self._sets = cluster.cache(kinds.REPLICA_SETS)
        self._pods = cluster.cache(kinds.PODS)
        self._deployments.listen(self._on_deployment)
        self._sets.listen(self._on_set)
        self._pods.listen(self._on_pod)

    def _on_deployment(self, old: Object | None, new: Object | None) -> None:
        metadata = (new or old or {})["metadata"]
        self.queue.add((metadata["namespace"], metadata["name"]))

    def _on_set(self, old: Object | None, new: Object | None) -> None:
        for one in (old, new):
            owner = controller_of(one) if one else None
            if one and owner is not None and owner["kind"] == "Deployment":
                self.queue.add((one["metadata"]["namespace"], owner["name"]))
            elif one and owner is None and one is new:
                for deployment in self._deployments.items(one["metadata"]["namespace"]):
                    if ownership.claim(deployment, (), (one,)).adopt:
                        self.queue.add((one["metadata"]["namespace"], deployment["metadata"]["name"]))

    def _on_pod(self, old: Object | None, new: Object | None) -> None:
        """A recreation goes on when the last old pod is gone."""
        owner = controller_of(old) if old is not None and new is None else None
        if old is None or owner is None or owner["kind"] != "ReplicaSet":
            return
        replica_set = self._sets.get(old["metadata"]["namespace"], owner["name"])
        above = controller_of(replica_set) if replica_set else None
        if above is not None:
            self.queue.add((old["metadata"]["namespace"], above["name"]))

    async def reconcile(self, key: tuple[str, str]) -> None:
        """One step of the rollout, then the status."""
        deployment = self._deployments.get(*key)
        if deployment is None:
            return
        milestone: Milestone | None = None
        failure: ApiError | None = None
        if not is_going(deployment):
            await self._claim(deployment)
            try:
                milestone = await self._roll(deployment)
            except ApiError as error:
                if error.status == 409:
                    raise
                failure = error
        await self._report(key, milestone, str(failure.body.get("message", failure)) if failure else "")
        if failure is not None:
            raise failure

    async def _roll(self, deployment: Object) -> Milestone | None:
        sets = self._seen(deployment)
        pods_left = self._have_pods(sets.old)
        milestone = None
        if not deployment["spec"].get("paused"):
            if sets.new is None:
                recreating = (deployment["spec"].get("strategy") or {}).get("type") == "Recreate"
                if not (recreating and (pods_left or any(size(one) for one in sets.old))):
                    return await self._make(deployment, sets)
            else:
                milestone = await self._number(deployment, sets.new, sets.old)
        steps: list[Change] = [
            resize(deployment, step) for step in next_steps(deployment, sets, pods_left=pods_left)
        ]
        await self._cluster.perform(steps)
        if not steps:
            forget = to_forget(deployment, sets.old)
            await self._cluster.perform([Remove(kinds.REPLICA_SETS, one, "Background") for one in forget])
        return milestone

    async def _make(self, deployment: Object, sets: Sets) -> Milestone:
        """Create the ReplicaSet of the current template."""
        collisions = (deployment.get("status") or {}).get("collisionCount") or 0
        hashed = template_hash(deployment["spec"]["template"], collisions=collisions)
        replicas, revision = initial_size(deployment, sets.old), next_revision(sets.old)
        body = new_set(deployment, replicas, revision=revision, hashed=hashed)
        try:
            made = await self._cluster.create(kinds.REPLICA_SETS, deployment["metadata"]["namespace"], body)
        except ApiError as error:
            if error.reason == "AlreadyExists" and self._is_anothers(deployment, body["metadata"]["name"]):
                status = {**(deployment.get("status") or {}), "collisionCount": collisions + 1}
                await self._cluster.set_status(kinds.DEPLOYMENTS, deployment, status)
            raise
        name = made["metadata"]["name"]
        if replicas:
            message = f"Scaled up replica set {name} from 0 to {replicas}"
            await self._cluster.recorder.tell(deployment, "ScalingReplicaSet", message, component=COMPONENT)
        await self._annotate(deployment, revision)
        return Milestone("NewReplicaSetCreated", f'Created new replica set "{name}"')

    def _is_anothers(self, deployment: Object, name: str) -> bool:
        found = self._sets.get(deployment["metadata"]["namespace"], name)
        return found is not None and not ownership.is_controlled_by(found, deployment)

    async def _number(self, deployment: Object, new: Object, old: tuple[Object, ...]) -> Milestone | None:
        """Keep the revision of the current ReplicaSet the highest, also after a rollback to it."""
        annotations = set_annotations(deployment, new, next_revision(old))
        again = annotations.get(REVISION) != (new["metadata"].get("annotations") or {}).get(REVISION)
        if annotations != (new["metadata"].get("annotations") or {}):
            body = {"metadata": {"annotations": annotations}}
            await self._cluster.patch(kinds.REPLICA_SETS, new, body)
        await self._annotate(deployment, int(annotations.get(REVISION, "1")))
        if not again and condition(deployment, "Progressing") is not None:
            return None
        return Milestone("FoundNewReplicaSet", f'Found new replica set "{new["metadata"]["name"]}"')

    async def _annotate(self, deployment: Object, revision: int) -> None:
        if (deployment["metadata"].get("annotations") or {}).get(REVISION) != str(revision):
            body = {"metadata": {"annotations": {REVISION: str(revision)}}}
            await self._cluster.patch(kinds.DEPLOYMENTS, deployment, body)

    async def _report(self, key: tuple[str, str], milestone: Milestone | None, failure: str) -> None:
        deployment = self._deployments.get(*key)
        if deployment is None:
            return
        sets, now = self._seen(deployment), self._cluster.now()
        status = status_of(deployment, sets.new, sets.old, now, milestone=milestone, failure=failure)
        if status != deployment.get("status"):
            deployment = await self._cluster.set_status(kinds.DEPLOYMENTS, deployment, status)
        left = seconds_left(deployment, condition(deployment, "Progressing"), now)
        if 0 < left < float("inf"):
            self.queue.add_after(key, left + 0.01)

    def _seen(self, deployment: Object) -> Sets:
        owned = self._sets.by("controller", deployment["metadata"]["uid"])
        new = current_set(deployment, owned)
        return Sets(new, tuple(one for one in owned if one is not new))

    def _have_pods(self, sets: tuple[Object, ...]) -> bool:
        return any(
            not is_finished(pod)
            for one in sets
            for pod in self._pods.by("controller", one["metadata"]["uid"])
        )

    async def _claim(self, deployment: Object) -> None:
        metadata = deployment["metadata"]
        owned = self._sets.by("controller", metadata["uid"])
        orphans = self._sets.by("controller", f"none/{metadata['namespace']}")
        claims = ownership.claim(deployment, owned, orphans)
        adopt = (Patch(kinds.REPLICA_SETS, one, ownership.adoption(one, deployment)) for one in claims.adopt)
        release = (
            Patch(kinds.REPLICA_SETS, one, ownership.release(one, metadata["uid"])) for one in claims.release
        )
        await self._cluster.perform([*adopt, *release])
