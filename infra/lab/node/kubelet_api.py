"""What a node answers over HTTP: container logs for ``kubectl logs``, its pods, its health."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress

from aiohttp import web

from infra.lab.node import moments
from infra.lab.node.container_log import ContainerLog, LogQuery
from infra.lab.node.container_runner import ContainerRunner
from infra.lab.node.nodes import KUBELET_PORT, LabNode
from infra.lab.node.pod_keeper import PodKeeper

LOG = logging.getLogger("lab.node.kubelet")


class LogError(Exception):
    """No such log; the text is the kubelet's."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class KubeletApi:
    """The HTTP endpoint of every node of this agent, on each node's own address."""

    def __init__(self, keeper: PodKeeper, nodes: list[LabNode]) -> None:
        self._keeper = keeper
        self._nodes = nodes
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Listen."""
        application = web.Application()
        application.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._logs)
        application.router.add_get("/pods", self._pods)
        application.router.add_get("/healthz", _healthy)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        for node in self._nodes:
            await web.TCPSite(self._runner, node.address, KUBELET_PORT).start()

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _pods(self, _: web.Request) -> web.Response:
        return web.json_response({"kind": "PodList", "apiVersion": "v1", "items": self._keeper.pods()})

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        try:
            log = self._find(request.match_info, previous=_is_set(request.query, "previous"))
            query = parse_query(request.query)
        except LogError as error:
            return web.Response(text=str(error), status=error.status)
        if not _is_set(request.query, "follow"):
            return web.Response(body=log.read(query), content_type="text/plain")
        answer = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await answer.prepare(request)
        # The client, or the pod's folder, may go at any moment: that is the end of following.
        with suppress(ConnectionError, FileNotFoundError, asyncio.CancelledError):
            async for text in log.follow(query):
                if text:
                    await answer.write(text)
        return answer

    def _find(self, wanted: Mapping[str, str], *, previous: bool) -> ContainerLog:
        pod, container = wanted["pod"], wanted["container"]
        worker = self._keeper.worker(wanted["namespace"], pod)
        if worker is None:
            message = f'pod "{pod}" not found'
            raise LogError(message, status=404)
        runner = worker.runner(container)
        if runner is None:
            message = f"container {container} is not valid for pod {pod}"
            raise LogError(message)
        return _log_of(runner, pod, container, previous=previous)


def _log_of(runner: ContainerRunner, pod: str, container: str, *, previous: bool) -> ContainerLog:
    if previous:
        if len(runner.logs) < 2:
            message = f'previous terminated container "{container}" in pod "{pod}" not found'
            raise LogError(message)
        return runner.logs[0]
    if not runner.logs:
        reason = runner.record.state.as_state().get("waiting", {}).get("reason", "ContainerCreating")
        message = f'container "{container}" in pod "{pod}" is waiting to start: {reason}'
        raise LogError(message)
    return runner.logs[-1]


def parse_query(asked: Mapping[str, str]) -> LogQuery:
    """A log request's parameters.

    Raises:
        LogError: one is not a number or not a time.
    """
    try:
        since = None
        if "sinceTime" in asked:
            since = moments.parse(asked["sinceTime"])
        elif "sinceSeconds" in asked:
            since = moments.ago(float(asked["sinceSeconds"]))
        return LogQuery(
            tail_lines=int(asked["tailLines"]) if "tailLines" in asked else None,
            limit_bytes=int(asked["limitBytes"]) if "limitBytes" in asked else None,
            since=since,
            timestamps=_is_set(asked, "timestamps"),
        )
    except ValueError as error:
        raise LogError(str(error)) from error


def _is_set(asked: Mapping[str, str], name: str) -> bool:
    return asked.get(name) in ("true", "1")


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="ok")
