"""pods/log and its neighbours: questions that only the node of a pod can answer, passed on to its agent."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from infra.lab.apiserver.listing import get_object
from infra.lab.apiserver.request import Answer, Request, Route, Stream
from infra.lab.objects import statuses
from infra.lab.objects.statuses import Cause, StatusError

if TYPE_CHECKING:
    import aiohttp

    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

_COUNTS = ("tailLines", "limitBytes", "sinceSeconds")
_PASSED_ON = ("follow", "previous", "sinceSeconds", "sinceTime", "timestamps", "tailLines", "limitBytes")
_MEDIA_TYPES = "application/json, application/yaml, application/vnd.kubernetes.protobuf"


async def read_log(server: "ApiServer", request: Request, route: Route) -> Answer | Stream:
    """GET of a pod's log, whole or followed."""
    accepted = [one.partition(";")[0].strip() for one in request.accept.split(",")]
    if not {"*/*", "application/*", "application/json", "application/yaml"}.intersection(accepted):
        words = f"only the following media types are accepted: {_MEDIA_TYPES}"
        raise StatusError(statuses.not_acceptable(words))
    pod = get_object(server, route)
    _check_counts(request, route)
    container = chosen_container(pod, request.query.get("container", ""))
    node = pod["spec"].get("nodeName")
    if not node:
        return Answer(204, "", {"Content-Type": "text/plain"})
    address = _agent_of(server, node)
    url = f"{address}/containerLogs/{route.namespace}/{route.name}/{container}"
    query = {key: request.query[key] for key in _PASSED_ON if key in request.query}
    return await _passed_on(url, query)


def _check_counts(request: Request, route: Route) -> None:
    causes = []
    for name in _COUNTS:
        text = request.query.get(name, "")
        least = 0 if name == "tailLines" else 1
        if text.lstrip("-").isdigit() and int(text) < least:
            words = f"Invalid value: {int(text)}: must be greater than " + (
                "or equal to 0" if least == 0 else "0"
            )
            causes.append(Cause("FieldValueInvalid", words, name))
    if causes:
        raise StatusError(statuses.invalid(route.name or "", "PodLogOptions", "", causes))


def chosen_container(pod: Object, name: str) -> str:
    """The container a request is about: the named one, or the only one.

    Raises:
        StatusError: 400, there is no such container, or there are several and none was named.
    """
    spec, pod_name = pod["spec"], pod["metadata"]["name"]
    main = [one["name"] for one in spec["containers"]]
    every = [
        one["name"]
        for kind in ("initContainers", "containers", "ephemeralContainers")
        for one in spec.get(kind) or ()
    ]
    if name:
        if name not in every:
            raise StatusError(statuses.bad_request(f"container {name} is not valid for pod {pod_name}"))
        return name
    default = (pod["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/default-container")
    if default in main:
        return str(default)
    if len(main) > 1:
        names = " ".join(main)
        words = f"a container name must be specified for pod {pod_name}, choose one of: [{names}]"
        raise StatusError(statuses.bad_request(words))
    return str(main[0])


def exec_in(server: "ApiServer", request: Request, route: Route) -> Answer:
    """pods/exec, attach and portforward: the lab has no streams to offer, and says what the server would."""
    pod = get_object(server, route)
    if route.subresource != "portforward":
        chosen_container(pod, request.query.get("container", ""))
    if not pod["spec"].get("nodeName"):
        raise StatusError(statuses.bad_request(f"pod {route.name} does not have a host assigned"))
    raise StatusError(statuses.bad_request("Upgrade request required"))


def _agent_of(server: "ApiServer", node_name: str) -> str:
    """Where the agent of a node serves logs: its internal address and kubelet port, over plain HTTP."""
    node = server.store.collection("/nodes").get(("", node_name))
    status = (node or {}).get("status", {})
    port = status.get("daemonEndpoints", {}).get("kubeletEndpoint", {}).get("Port")
    addresses = status.get("addresses") or ()
    address = next((one["address"] for one in addresses if one["type"] == "InternalIP"), None)
    if not port or not address:
        words = f"no preferred addresses found; known addresses: {[one['address'] for one in addresses]}"
        raise StatusError(statuses.internal(words))
    return f"http://{address}:{port}"


async def _passed_on(url: str, query: dict[str, str]) -> Answer | Stream:
    import aiohttp

    follow = query.get("follow") in {"true", "1"}
    timeout = aiohttp.ClientTimeout(total=None if follow else 30, sock_connect=5)
    session = aiohttp.ClientSession(timeout=timeout, trust_env=False)
    try:
        answer = await session.get(url, params=query)
    except (aiohttp.ClientError, TimeoutError) as error:
        await session.close()
        raise StatusError(statuses.internal(f'Get "{url}": {error}')) from error
    if answer.status != 200 or not follow:
        try:
            text = await answer.text()
        finally:
            await session.close()
        if answer.status == 200:
            return Answer(200, text, {"Content-Type": "text/plain"})
        raise StatusError(statuses.bad_request(text.strip()))
    return Stream(chunks=_chunks(session, answer))


async def _chunks(session: "aiohttp.ClientSession", answer: "aiohttp.ClientResponse") -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.content.iter_any():
            yield chunk
    finally:
        await session.close()
