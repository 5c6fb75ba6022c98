"""The API server's core, called in process: versions, watches, deletions, evictions, access."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from infra.lab.apiserver.request import Request, User
from infra.lab.apiserver.server import ApiServer, create_server
from infra.lab.apiserver.store import HISTORY, Collection
from infra.lab.client import ApiError, InProcessApi
from infra.lab.objects.statuses import StatusError

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"


@pytest.fixture
def server() -> ApiServer:
    return create_server(
        host="127.0.0.1", port=1, cert_file="", key_file="", ca_file="", admin_token="admin",
        service_prefix="127.99",
    )  # fmt: skip


@pytest.fixture
def api(server: ApiServer) -> InProcessApi:
    return InProcessApi(server)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 10))


async def pod(
    api: InProcessApi, name: str, *, node: str = "", labels: dict[str, str] | None = None
) -> dict[str, Any]:
    with contextlib.suppress(ApiError):
        await api.post("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    spec: dict[str, Any] = {"containers": [{"name": "main", "image": "example.com/none:1"}]}
    if node:
        spec["nodeName"] = node
    return await api.post(PODS, {"metadata": {"name": name, "labels": labels or {}}, "spec": spec})


async def refusal(work: Coroutine[Any, Any, Any]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await work
    return caught.value


async def first(events: AsyncIterator[tuple[str, Any]], count: int) -> list[tuple[str, str]]:
    found = []
    async for kind, item in events:
        found.append((kind, item["metadata"].get("name", "")))
        if len(found) == count:
            break
    return found


def test_a_write_that_changes_nothing_keeps_the_version(api: InProcessApi) -> None:
    async def scenario() -> tuple[str, str]:
        made = await api.post(MAPS, {"metadata": {"name": "a"}, "data": {"n": "1"}})
        same = await api.patch(f"{MAPS}/a", {"data": {"n": "1"}})
        return made["metadata"]["resourceVersion"], same["metadata"]["resourceVersion"]

    before, after = run(scenario())
    assert before == after


def test_a_stale_put_is_a_conflict(api: InProcessApi) -> None:
    async def scenario() -> ApiError:
        made = await api.post(MAPS, {"metadata": {"name": "a"}})
        await api.patch(f"{MAPS}/a", {"data": {"n": "1"}})
        return await refusal(api.put(f"{MAPS}/a", made))

    error = run(scenario())
    assert (error.status, error.reason) == (409, "Conflict")


def test_a_watch_tells_the_past_since_a_version_and_then_the_present(api: InProcessApi) -> None:
    async def scenario() -> list[tuple[str, str]]:
        start = (await api.get(MAPS))["metadata"]["resourceVersion"]
        await api.post(MAPS, {"metadata": {"name": "a"}})
        watching = asyncio.ensure_future(first(api.watch(MAPS, resource_version=start), 3))
        await asyncio.sleep(0)
        await api.patch(f"{MAPS}/a", {"data": {"n": "1"}})
        await api.delete(f"{MAPS}/a")
        return await watching

    assert run(scenario()) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_an_object_that_stops_to_match_is_deleted_for_the_watcher(api: InProcessApi) -> None:
    async def scenario() -> list[tuple[str, str]]:
        start = (await api.get(MAPS))["metadata"]["resourceVersion"]
        await api.post(MAPS, {"metadata": {"name": "a", "labels": {"set": "in"}}})
        await api.patch(f"{MAPS}/a", {"metadata": {"labels": {"set": "out"}}})
        return await first(api.watch(MAPS, resource_version=start, labelSelector="set=in"), 2)

    assert run(scenario()) == [("ADDED", "a"), ("DELETED", "a")]


def test_a_watch_from_before_the_history_says_that_it_expired(api: InProcessApi) -> None:
    async def scenario() -> ApiError:
        return await refusal(first(api.watch(MAPS, resource_version="1"), 1))

    error = run(scenario())
    assert (error.status, error.reason) == (410, "Expired")


def test_a_watcher_that_falls_behind_the_history_is_told(api: InProcessApi) -> None:
    async def scenario() -> ApiError:
        await api.post(MAPS, {"metadata": {"name": "a"}})
        version = (await api.get(MAPS))["metadata"]["resourceVersion"]
        events = api.watch(MAPS, resource_version=version)
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        for number in range(HISTORY + 1):
            await api.patch(f"{MAPS}/a", {"data": {"n": str(number)}})
        return await refusal(waiting)

    assert run(scenario()).status == 410


def test_pages_show_the_collection_as_it_was_at_the_first_one(api: InProcessApi) -> None:
    async def scenario() -> list[str]:
        for name in "abc":
            await api.post(MAPS, {"metadata": {"name": name}})
        page = await api.get(MAPS, limit="1")
        await api.delete(f"{MAPS}/b")
        await api.post(MAPS, {"metadata": {"name": "bb"}})
        rest = await api.get(MAPS, **{"continue": page["metadata"]["continue"]})
        return [item["metadata"]["name"] for item in [*page["items"], *rest["items"]]]

    assert run(scenario()) == ["a", "b", "c"]


def test_a_bound_pod_waits_for_its_node_and_an_unbound_one_does_not(api: InProcessApi) -> None:
    async def scenario() -> tuple[bool, int]:
        await pod(api, "free")
        await pod(api, "bound", node="somewhere")
        await api.delete(f"{PODS}/free")
        marked = await api.delete(f"{PODS}/bound")
        gone = await refusal(api.get(f"{PODS}/free"))
        return "deletionTimestamp" in marked["metadata"], gone.status

    assert run(scenario()) == (True, 404)


def test_the_last_finalizer_takes_a_deleted_object_with_it(api: InProcessApi) -> None:
    async def scenario() -> tuple[int, int]:
        await api.post(MAPS, {"metadata": {"name": "a", "finalizers": ["example.com/hold"]}})
        await api.delete(f"{MAPS}/a")
        held = len((await api.get(MAPS, fieldSelector="metadata.name=a"))["items"])
        await api.patch(f"{MAPS}/a", {"metadata": {"finalizers": None}})
        return held, len((await api.get(MAPS, fieldSelector="metadata.name=a"))["items"])

    assert run(scenario()) == (1, 0)


def budget_status(allowed: int) -> dict[str, Any]:
    counts = {"currentHealthy": 1 + allowed, "desiredHealthy": 1, "expectedPods": 2}
    return {"status": {"observedGeneration": 1, "disruptionsAllowed": allowed, **counts}}


@pytest.mark.parametrize(("allowed", "answer"), [(1, 201), (0, 429)])
def test_an_eviction_spends_the_budget_or_is_held_back(api: InProcessApi, allowed: int, answer: int) -> None:
    async def scenario() -> tuple[int, int]:
        await pod(api, "a", labels={"app": "web"})
        ready = [{"type": "Ready", "status": "True"}]
        await api.patch(f"{PODS}/a/status", {"status": {"phase": "Running", "conditions": ready}})
        spec = {"selector": {"matchLabels": {"app": "web"}}, "minAvailable": 1}
        await api.post(BUDGETS, {"metadata": {"name": "web"}, "spec": spec})
        await api.patch(f"{BUDGETS}/web/status", budget_status(allowed))
        try:
            code = (await api.post(f"{PODS}/a/eviction", {"metadata": {"name": "a"}}))["code"]
        except ApiError as error:
            code = error.status
        left = (await api.get(f"{BUDGETS}/web"))["status"]["disruptionsAllowed"]
        return code, left

    assert run(scenario()) == (answer, 0)


def test_a_service_keeps_the_address_it_names_and_others_get_a_free_one(api: InProcessApi) -> None:
    path = "/api/v1/namespaces/default/services"

    async def scenario() -> list[str]:
        ports = {"ports": [{"port": 80}]}
        named = {"metadata": {"name": "a"}, "spec": {"clusterIP": "127.99.96.80", **ports}}
        made = [await api.post(path, named)]
        made += [await api.post(path, {"metadata": {"name": name}, "spec": ports}) for name in "bc"]
        return [one["spec"]["clusterIP"] for one in made]

    assert run(scenario()) == ["127.99.96.80", "127.99.96.10", "127.99.96.11"]


def test_a_definition_is_served_once_established_and_takes_its_objects_along(api: InProcessApi) -> None:
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    path = "/apis/example.com/v1/namespaces/default/widgets"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"plural": "widgets", "kind": "Widget"}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}

    async def status_of(work: Coroutine[Any, Any, Any]) -> int:
        try:
            await work
        except ApiError as error:
            return error.status
        return 200

    async def until(work: Callable[[], Coroutine[Any, Any, Any]], wanted: int) -> None:
        while await status_of(work()) != wanted:  # noqa: ASYNC110 - nothing tells when a definition is served
            await asyncio.sleep(0.005)

    async def scenario() -> int:
        await api.post(definitions, {"metadata": {"name": "widgets.example.com"}, "spec": spec})
        await until(lambda: api.get(path), 200)
        await api.post(path, {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}})
        await api.delete(f"{definitions}/widgets.example.com")
        await until(lambda: api.get(path), 404)
        return await status_of(api.get(f"{definitions}/widgets.example.com"))

    assert run(scenario()) == 404


def allowed(server: ApiServer, user: User, method: str, path: str) -> bool:
    request = Request(method, path, {}, {}, user, document={"metadata": {"name": "x"}})
    try:
        asyncio.run(server.handle(request))
    except StatusError as error:
        return error.code != 403
    return True


def test_a_role_lets_its_subjects_do_just_what_it_says(server: ApiServer, api: InProcessApi) -> None:
    rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
    viewer = User("system:serviceaccount:default:viewer", ("system:authenticated",))

    async def scenario() -> None:
        rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
        await api.post(f"{rbac}/roles", {"metadata": {"name": "viewer"}, "rules": rules})
        subjects = [{"kind": "ServiceAccount", "name": "viewer", "namespace": "default"}]
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "viewer"}
        binding = {"metadata": {"name": "viewer"}, "subjects": subjects, "roleRef": reference}
        await api.post(f"{rbac}/rolebindings", binding)

    run(scenario())
    assert allowed(server, viewer, "GET", PODS)
    assert not allowed(server, viewer, "DELETE", f"{PODS}/a")
    assert not allowed(server, viewer, "POST", f"{PODS}/a/eviction")
    assert not allowed(server, viewer, "GET", "/api/v1/namespaces/kube-system/pods")
    assert allowed(server, viewer, "GET", "/version")


def test_a_token_counts_as_long_as_its_account_exists(server: ApiServer, api: InProcessApi) -> None:
    path = "/api/v1/namespaces/default/serviceaccounts"

    async def scenario() -> tuple[str, Any, Any]:
        await api.post(path, {"metadata": {"name": "robot"}})
        token = (await api.post(f"{path}/robot/token", {"spec": {"expirationSeconds": 600}}))["status"][
            "token"
        ]
        user = server.tokens.user(token)
        await api.delete(f"{path}/robot")
        return token, user, server.tokens.user(token)

    token, before, after = run(scenario())
    assert before.name == "system:serviceaccount:default:robot"
    assert after is None
    assert server.tokens.user(token[:-2]) is None


def test_an_applied_field_conflicts_with_another_manager_unless_forced(api: InProcessApi) -> None:
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"n": "1"}}

    async def scenario() -> tuple[int, dict[str, str]]:
        await api.patch(f"{MAPS}/a", applied, kind="apply", fieldManager="one")
        other = {**applied, "data": {"n": "2"}}
        error = await refusal(api.patch(f"{MAPS}/a", other, kind="apply", fieldManager="two"))
        forced = await api.patch(f"{MAPS}/a", other, kind="apply", fieldManager="two", force="true")
        return error.status, forced["data"]

    assert run(scenario()) == (409, {"n": "2"})


def test_a_collection_without_objects_forgets_its_namespace() -> None:
    assert Collection("x").select("nowhere") == []
