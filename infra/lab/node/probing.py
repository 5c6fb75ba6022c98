"""Container probes: one look (HTTP, TCP or a command), and the counting that turns looks into a verdict."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]

HEAD_LIMIT = 16 << 10


@dataclass(frozen=True, slots=True)
class Look:
    """The answer of one probe: the message says why when it is not good."""

    good: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Looker:
    """Looks at one container.

    Attributes:
        address: the pod's IP.
        ports: container ports by name.
        execute: runs a command as the container would; returns exit code and output.
    """

    address: str
    ports: dict[str, int] = field(default_factory=dict)
    execute: Callable[[Sequence[str]], Awaitable[tuple[int, str]]] | None = None

    async def look(self, probe: Object) -> Look:
        """Look once, within the probe's timeout."""
        seconds = float(probe.get("timeoutSeconds", 1))
        try:
            async with asyncio.timeout(seconds):
                return await self._look(probe)
        except TimeoutError:
            return Look(good=False, message=f"{self._called(probe)}: context deadline exceeded")
        except OSError as error:
            words = (error.strerror or str(error)).lower()
            return Look(good=False, message=f"{self._called(probe)}: {words}")

    async def _look(self, probe: Object) -> Look:
        if action := probe.get("httpGet"):
            return await self._get(action)
        if action := probe.get("tcpSocket"):
            _, writer = await asyncio.open_connection(
                action.get("host") or self.address, self.port(action["port"])
            )
            writer.close()
            return Look(good=True)
        if (action := probe.get("exec")) and self.execute is not None:
            code, output = await self.execute(action["command"])
            return Look(good=code == 0, message=output.strip() or f"command exited with {code}")
        return Look(good=False, message=f"the lab cannot run a probe of kind {', '.join(probe)}")

    async def _get(self, action: Object) -> Look:
        host, port = action.get("host") or self.address, self.port(action["port"])
        secure = _unverified() if action.get("scheme") == "HTTPS" else None
        reader, writer = await asyncio.open_connection(host, port, ssl=secure, limit=HEAD_LIMIT)
        try:
            writer.write(_request(action, f"{host}:{port}"))
            status_line = await reader.readline()
        finally:
            writer.close()
        words = status_line.split()
        if len(words) < 2 or not words[1].isdigit():
            return Look(good=False, message=f"{self._called({'httpGet': action})}: malformed HTTP response")
        code = int(words[1])
        if 200 <= code < 400:
            return Look(good=True)
        return Look(good=False, message=f"HTTP probe failed with statuscode: {code}")

    def port(self, wanted: int | str) -> int:
        """A port by number or by name."""
        if isinstance(wanted, int) or wanted.isdigit():
            return int(wanted)
        if wanted not in self.ports:
            message = f"no container port is named {wanted}"
            raise OSError(None, message)
        return self.ports[wanted]

    def _called(self, probe: Object) -> str:
        """How a failed connection is introduced."""
        if action := probe.get("httpGet"):
            scheme = action.get("scheme", "HTTP").lower()
            host = action.get("host") or self.address
            return f'Get "{scheme}://{host}:{action["port"]}{action.get("path", "/")}"'
        if action := probe.get("tcpSocket"):
            return f"dial tcp {action.get('host') or self.address}:{action['port']}"
        return "command"


def _request(action: Object, authority: str) -> bytes:
    headers = {"Host": authority, "User-Agent": "kube-probe/1.36", "Accept": "*/*", "Connection": "close"}
    headers |= {item["name"]: item["value"] for item in action.get("httpHeaders") or []}
    path = action.get("path") or "/"
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


def _unverified() -> ssl.SSLContext:
    """Kubelets do not verify certificates of probed containers."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@dataclass(slots=True)
class Verdict:
    """Counts looks against a probe's thresholds.

    Attributes:
        good: the verdict; changes after enough looks of the other kind in a row.
    """

    good: bool
    success_threshold: int
    failure_threshold: int
    _streak: int = 0
    _last: bool | None = None

    def count(self, look: Look) -> bool:
        """Take one look in; True when the threshold for its kind is reached (again)."""
        self._streak = self._streak + 1 if look.good is self._last else 1
        self._last = look.good
        needed = self.success_threshold if look.good else self.failure_threshold
        if self._streak < needed:
            return False
        self.good = look.good
        return True


async def keep_probing(
    probe: Object,
    look: Callable[[Object], Awaitable[Look]],
    *,
    first_s: float,
    good_at_first: bool,
    seen: Callable[[bool, Look], None],
    until_good: bool = False,
) -> bool:
    """Look at the period of the probe for ever, or until the first verdict where that is what was asked for.

    Args:
        probe: the probe.
        look: looks once.
        first_s: seconds before the first look, besides the probe's initial delay.
        good_at_first: the verdict before any look.
        seen: told the verdict and the look, after each look.
        until_good: end with True at the first good verdict (startup), or with False at the first bad one.
    """
    verdict = Verdict(good_at_first, probe.get("successThreshold", 1), probe.get("failureThreshold", 3))
    period = float(probe.get("periodSeconds", 10))
    loop = asyncio.get_running_loop()
    due = loop.time() + float(probe.get("initialDelaySeconds", 0)) + first_s
    while True:
        await asyncio.sleep(due - loop.time())
        found = await look(probe)
        reached = verdict.count(found)
        seen(verdict.good, found)
        if until_good and reached:
            return found.good
        due = max(due + period, loop.time())
