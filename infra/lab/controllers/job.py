"""Jobs: pods that run to their end, as often as needed."""

from infra.lab.client import ApiError, Object
from infra.lab.controllers import job_plan, kinds, ownership, pods
from infra.lab.controllers.changes import Change, Create, Note, Patch, Remove
from infra.lab.controllers.cluster import Cluster
from infra.lab.controllers.job_plan import INDEX, TRACKING, Tally
from infra.lab.controllers.moments import read_time, seconds_between
from infra.lab.controllers.ownership import controller_of, is_going
from infra.lab.controllers.templates import pod_from
from infra.lab.controllers.timings import ControllerTimings
from infra.lab.controllers.work_queue import WorkQueue

COMPONENT = "job-controller"
_LONGEST_BACKOFF_S = 600.0


class JobController:
    """Runs jobs to their end."""

    name = "job"

    def __init__(self, cluster: Cluster, timings: ControllerTimings) -> None:
        self.queue: WorkQueue[tuple[str, str]] = WorkQueue(
            retry_first_s=timings.retry_first_s, retry_most_s=timings.retry_most_s
        )
        self._cluster = cluster
        self._backoff_s = timings.job_backoff_s
        self._jobs = cluster.cache(kinds.JOBS)
        self._pods = cluster.cache(kinds.PODS)
        self._counted: dict[str, set[str]] = {}  # job UID: UIDs of pods that its status has counted
        self._jobs.listen(self._on_job)
        self._pods.listen(self._on_pod)

    def _on_job(self, old: Object | None, new: Object | None) -> None:
        if new is None:
            self._counted.pop((old or {})["metadata"]["uid"], None)
        metadata = (new or old or {})["metadata"]
        self.queue.add((metadata["namespace"], metadata["name"]))

    def _on_pod(self, old: Object | None, new: Object | None) -> None:
        for pod in (old, new):
            owner = controller_of(pod) if pod else None
            if pod and owner is not None and owner["kind"] == "Job":
                self.queue.add((pod["metadata"]["namespace"], owner["name"]))

    async def reconcile(self, key: tuple[str, str]) -> None:
        """Count pods that ended, decide, make or remove pods."""
        job = self._jobs.get(*key)
        if job is None:
            await self._free_strays(key)
            return
        owned = self._pods.by("controller", job["metadata"]["uid"])
        if is_going(job) or job_plan.is_over(job):
            await self._free(owned)
            self._expire(key, job)
            if job_plan.is_over(job) and not is_going(job):
                await self._expired(job)
            return
        await self._claim(job)
        counted = self._counted.setdefault(job["metadata"]["uid"], set())
        now = self._cluster.now()
        count = job_plan.tally(job, owned, frozenset(counted))
        ended = job_plan.verdict(job, count, now)
        await self._count(job, count, ended, owned)
        try:
            if ended[0]:
                await self._remove(job, list(count.active))
            else:
                await self._resize(key, job, count)
        finally:
            await self._recount(key)
        left = job_plan.seconds_to_deadline(job, now)
        if left < float("inf"):
            self.queue.add_after(key, left + 0.01)

    async def _count(
        self, job: Object, count: Tally, ended: tuple[str, str, str], owned: list[Object]
    ) -> None:
        """Write the counts, then let go of the pods in them, so that each is counted once."""
        status = job_plan.status_of(job, count, ended, self._cluster.now())
        if status != job.get("status"):
            before = {one["type"] for one in (job.get("status") or {}).get("conditions") or ()}
            job = await self._cluster.set_status(kinds.JOBS, job, status)
            await self._tell_of_end(job, before)
        over = [pod for pod in owned if job_plan.has_ended(pod)]
        self._counted[job["metadata"]["uid"]].update(pod["metadata"]["uid"] for pod in over)
        await self._free(over)

    async def _recount(self, key: tuple[str, str]) -> None:
        """The status once more, with the pods just made or removed in it."""
        job = self._jobs.get(*key)
        if job is None or job_plan.is_over(job):
            return
        owned = self._pods.by("controller", job["metadata"]["uid"])
        count = job_plan.tally(job, owned, frozenset(self._counted.get(job["metadata"]["uid"], ())))
        now = self._cluster.now()
        await self._count(job, count, job_plan.verdict(job, count, now), owned)

    async def _tell_of_end(self, job: Object, before: set[str]) -> None:
        tell = self._cluster.recorder.tell
        for one in job["status"].get("conditions") or ():
            if one["type"] in before or one["status"] != "True":
                continue
            if one["type"] == "Complete":
                await tell(job, "Completed", "Job completed", component=COMPONENT)
            elif one["type"] == "Failed":
                await tell(job, one["reason"], one["message"], component=COMPONENT, warning=True)
            elif one["type"] == "Suspended":
                await tell(job, "Suspended", "Job suspended", component=COMPONENT)

    async def _resize(self, key: tuple[str, str], job: Object, count: Tally) -> None:
        missing = job_plan.missing(job, count)
        if missing < 0:
            surplus = pods.order_of_removal(list(count.active))[:-missing]
            await self._remove(job, surplus)
        elif missing > 0:
            wait = self._backoff_left(job, count)
            if wait > 0:
                self.queue.add_after(key, wait)
                return
            await self._cluster.perform(_creations(job, count, missing))

    def _backoff_left(self, job: Object, count: Tally) -> float:
        """Seconds until a failed pod may be replaced."""
        owned = self._pods.by("controller", job["metadata"]["uid"])
        ends = [_ended_at(pod) for pod in owned if pods.phase(pod) == "Failed"]
        if not count.failed or not ends:
            return 0.0
        wait = min(self._backoff_s * 2.0 ** min(count.failed - 1, 20), _LONGEST_BACKOFF_S)
        return wait - seconds_between(read_time(max(ends)), self._cluster.now())

    async def _remove(self, job: Object, surplus: list[Object]) -> None:
        """Delete pods on the job's own account: they count as nothing, so they are let go of first."""
        await self._free(surplus)
        await self._cluster.perform([_removal(job, pod) for pod in surplus])

    async def _free(self, owned: list[Object]) -> None:
        held = [pod for pod in owned if TRACKING in (pod["metadata"].get("finalizers") or ())]
        for pod in held:
            left = [one for one in pod["metadata"]["finalizers"] if one != TRACKING]
            await self._let_go(pod, left)

    async def _let_go(self, pod: Object, left: list[str]) -> None:
        body = {"metadata": {"uid": pod["metadata"]["uid"], "finalizers": left or None}}
        try:
            await self._cluster.patch(kinds.PODS, pod, body)
        except ApiError as error:
            if error.status != 404:
                raise

    async def _free_strays(self, key: tuple[str, str]) -> None:
        """Pods of a job that is gone are held by nothing of ours."""
        strays = []
        for pod in self._pods.by("label", (key[0], "batch.kubernetes.io/job-name", key[1])):
            owner = controller_of(pod)
            if owner is None or owner["kind"] == "Job":
                strays.append(pod)
        await self._free(strays)

    def _expire(self, key: tuple[str, str], job: Object) -> None:
        left = _seconds_to_live(job, self._cluster)
        if 0 < left < float("inf"):
            self.queue.add_after(key, left + 0.01)

    async def _expired(self, job: Object) -> None:
        if _seconds_to_live(job, self._cluster) <= 0:
            await self._cluster.remove(kinds.JOBS, job, policy="Foreground")

    async def _claim(self, job: Object) -> None:
        selector = job["spec"].get("selector")
        selected = self._cluster.select_pods(job["metadata"]["namespace"], selector) if selector else []
        orphans = [pod for pod in selected if controller_of(pod) is None]
        claims = ownership.claim(job, (), orphans)
        await self._cluster.perform(
            Patch(kinds.PODS, pod, ownership.adoption(pod, job)) for pod in claims.adopt
        )


def _creations(job: Object, count: Tally, missing: int) -> list[Change]:
    note = Note(
        job, COMPONENT, "SuccessfulCreate", "Created pod: {name}", "FailedCreate", "Error creating: {error}"
    )
    namespace = job["metadata"]["namespace"]
    indexed = job["spec"].get("completionMode") == "Indexed"
    indexes = job_plan.free_indexes(job, count, missing) if indexed else [-1] * missing
    found: list[Change] = []
    for index in indexes:
        pod = pod_from(job, job["spec"]["template"])
        metadata = {**pod["metadata"], "finalizers": [TRACKING]}
        if index >= 0:
            metadata["annotations"] = {**(metadata.get("annotations") or {}), INDEX: str(index)}
            metadata["labels"] = {**(metadata.get("labels") or {}), INDEX: str(index)}
            metadata["generateName"] = f"{job['metadata']['name']}-{index}-"
        found.append(Create(kinds.PODS, namespace, {**pod, "metadata": metadata}, note))
    return found


def _removal(job: Object, pod: Object) -> Remove:
    note = Note(
        job, COMPONENT, "SuccessfulDelete", "Deleted pod: {name}", "FailedDelete", "Error deleting: {error}"
    )
    return Remove(kinds.PODS, pod, note=note)


def _ended_at(pod: Object) -> str:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    ends = [((one.get("state") or {}).get("terminated") or {}).get("finishedAt") for one in statuses]
    return str(max((end for end in ends if end), default=pod["metadata"]["creationTimestamp"]))


def _seconds_to_live(job: Object, cluster: Cluster) -> float:
    """Seconds until a finished job removes itself; infinite where it does not."""
    limit = job["spec"].get("ttlSecondsAfterFinished")
    ended = pods.condition(job, "Complete") or pods.condition(job, "Failed")
    if limit is None or ended is None or ended["status"] != "True":
        return float("inf")
    return float(limit) - seconds_between(read_time(ended["lastTransitionTime"]), cluster.now())
