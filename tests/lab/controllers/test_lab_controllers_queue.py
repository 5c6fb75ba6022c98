"""Queues coalesce, caches stay current, events count."""

import asyncio

import pytest

from infra.lab.client import ApiError
from infra.lab.controllers import kinds, moments
from infra.lab.controllers.cache import Cache, follow
from infra.lab.controllers.ownership import controller_index
from infra.lab.controllers.recorder import EventRecorder
from infra.lab.controllers.work_queue import WorkQueue


def run(work):
    return asyncio.run(asyncio.wait_for(work, 10))


def test_a_key_added_often_comes_up_once():
    async def work():
        queue = WorkQueue()
        for _ in range(5):
            queue.add("a")
        assert await queue.get() == "a"
        assert len(queue) == 0

    run(work())


def test_a_key_added_while_it_is_worked_on_comes_up_again_afterwards():
    async def work():
        queue = WorkQueue()
        queue.add("a")
        await queue.get()
        queue.add("a")
        assert len(queue) == 0
        queue.done("a")
        assert await queue.get() == "a"

    run(work())


def test_a_key_that_was_dear_rests_and_others_do_not_wait_for_it():
    async def work():
        queue = WorkQueue()
        queue.add("dear")
        await queue.get()
        queue.done("dear", took_s=0.02)
        queue.add("dear")
        queue.add("cheap")
        assert [await queue.get(), await queue.get()] == ["cheap", "dear"]

    run(work())


def test_of_several_delays_the_shortest_counts():
    async def work():
        queue = WorkQueue()
        queue.add_after("a", 60)
        queue.add_after("a", 0.001)
        queue.add_after("a", 30)
        assert await queue.get() == "a"

    run(work())


def test_failures_wait_longer_each_time_until_a_success():
    async def work():
        queue = WorkQueue(retry_first_s=1, retry_most_s=5)
        assert [queue.retry("a") for _ in range(4)] == [1, 2, 4, 5]
        queue.succeeded("a")
        assert queue.retry("a") == 1

    run(work())


def newer(item, version, **metadata):
    return {**item, "metadata": {**item["metadata"], "resourceVersion": str(version), **metadata}}


def test_an_older_state_does_not_replace_a_newer_one(make):
    cache, pod = Cache(kinds.PODS), make.pod("a")
    seen = []
    cache.observe(newer(pod, 7))
    cache.listen(lambda old, new: seen.append((old, new)))
    cache.observe(newer(pod, 6))
    cache.observe(newer(pod, 7))
    assert seen == []
    cache.observe(newer(pod, 8))
    assert [new["metadata"]["resourceVersion"] for _, new in seen] == ["8"]


def test_what_was_deleted_here_does_not_come_back_with_a_late_event(make):
    cache, pod = Cache(kinds.PODS), newer(make.pod("a"), 5)
    cache.observe(pod)
    cache.remove(pod)
    cache.observe(newer(pod, 6))
    assert len(cache) == 0
    cache.remove(newer(pod, 7), confirmed=True)
    successor = make.pod("a")
    cache.observe(newer(successor, 8))
    assert cache.get("shop", "a")["metadata"]["uid"] == successor["metadata"]["uid"]


def test_an_object_made_anew_under_the_same_name_is_told_as_gone_and_new(make):
    cache, seen = Cache(kinds.PODS), []
    first, second = newer(make.pod("a"), 5), newer(make.pod("a"), 6)
    cache.observe(first)
    cache.listen(lambda old, new: seen.append((old is not None, new is not None)))
    cache.observe(second)
    assert seen == [(True, False), (False, True)]


def test_an_index_follows_changes(make):
    cache = Cache(kinds.PODS, {"controller": controller_index})
    owner, pod = make.replica_set("web", 1), newer(make.pod("a"), 5)
    cache.observe(pod)
    assert cache.count("controller", "none/shop") == 1
    cache.observe(newer(make.owned(pod, owner), 6))
    assert cache.count("controller", "none/shop") == 0
    assert [one["metadata"]["name"] for one in cache.by("controller", owner["metadata"]["uid"])] == ["a"]
    cache.replace_all(())
    assert cache.count("controller", owner["metadata"]["uid"]) == 0


def test_a_listener_that_fails_does_not_blind_the_next_one(make, caplog):
    cache, seen = Cache(kinds.PODS), []
    cache.listen(lambda _old, _new: {}["missing"])
    cache.listen(lambda _old, new: seen.append(new))
    cache.observe(make.pod("a"))
    assert len(seen) == 1
    assert "a listener to pods failed" in caplog.text


class ScriptedApi:
    """Lists what it is given, list by list; its first watch ends with an error."""

    def __init__(self, *lists, error=None):
        self.lists = list(lists)
        self.watched = []
        self.error = error or ApiError({"code": 410, "reason": "Expired"})

    async def get(self, _path, **_query):
        items, version = self.lists.pop(0)
        return {"metadata": {"resourceVersion": version}, "items": items}

    async def watch(self, _path, *, resource_version, **_query):
        self.watched.append(resource_version)
        if self.lists:
            raise self.error
        await asyncio.Event().wait()
        yield "never", {}


@pytest.mark.parametrize("error", [None, ConnectionResetError(), ValueError("half a line")], ids=repr)
def test_a_watch_that_ends_lists_again_and_tells_the_difference(make, error, monkeypatch):
    monkeypatch.setattr("infra.lab.controllers.cache._RECONNECT_S", 0)
    stays, goes, comes = newer(make.pod("stays"), 1), newer(make.pod("goes"), 2), newer(make.pod("comes"), 9)
    api = ScriptedApi(([stays, goes], "5"), ([stays, comes], "9"), error=error)
    cache, seen = Cache(kinds.PODS), []
    cache.listen(lambda old, new: seen.append(((old or new)["metadata"]["name"], new is not None)))

    async def work():
        following = asyncio.create_task(follow(api, cache))
        while len(api.watched) < 2:  # noqa: ASYNC110 - one turn of the loop is enough
            await asyncio.sleep(0)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    run(work())
    assert seen == [("stays", True), ("goes", True), ("goes", False), ("comes", True)]
    assert api.watched == ["5", "9"]


class EventApi:
    def __init__(self, *, refuses=False):
        self.made, self.counted, self.refuses = [], [], refuses

    async def post(self, _path, body):
        if self.refuses:
            raise ApiError({"code": 403, "reason": "Forbidden"})
        self.made.append(body)

    async def patch(self, path, body):
        self.counted.append((path, body["count"]))


def test_the_same_event_again_is_counted_and_another_one_is_written(make):
    api = EventApi()
    recorder, pod = EventRecorder(api, moments.now), make.pod("a")

    async def work():
        for message in ("one", "one", "one", "two"):
            await recorder.tell(pod, "Reason", message, component="test")

    run(work())
    assert [one["message"] for one in api.made] == ["one", "two"]
    assert [count for _, count in api.counted] == [2, 3]


def test_an_event_that_cannot_be_written_disturbs_nobody(make):
    run(EventRecorder(EventApi(refuses=True), moments.now).tell(make.pod("a"), "R", "m", component="test"))


@pytest.mark.parametrize("resource", kinds.followed(), ids=lambda one: one.qualified)
def test_every_followed_resource_can_be_listed_and_watched(resource):
    assert {"list", "watch"} <= set(resource.verbs)
