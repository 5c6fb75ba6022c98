"""How a lab is doing."""

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from infra.lab import processes
from infra.lab.state import LabFolder

TIMEOUT_SECONDS = 2.0


def status(home: Path) -> dict[str, Any]:
    """Return lab.json's values with what is true now.

    ``running`` is whether the main process lives; ``ready`` whether every pod of the shop is ready and every
    part answers. ``problems`` has a sentence for whatever is wrong. ``memory_mb`` counts all processes.
    """
    folder = LabFolder(home.expanduser().absolute())
    pid = folder.holder()
    if pid is None:
        return {"running": False, "ready": False, "problems": _remains(folder)}
    lab = folder.read() or {"pid": pid, "logs": str(folder.logs)}
    pids = processes.of_lab(folder.home)
    memory = processes.memory_of(pids)
    problems: list[str] = []
    workloads = _workloads(folder, lab, problems)
    parts = (("prometheus", "/-/ready"), ("recorder", "/healthz"), ("load", "/healthz"), ("shop", "/"))
    for part, path in parts:
        if lab.get(part):
            _answers(part, lab[part] + path, folder, problems)
    short = {name: counts for name, counts in workloads.items() if counts["ready"] < counts["wanted"]}
    problems += [f"{name} has {c['ready']} of {c['wanted']} pods ready" for name, c in short.items()]
    return {
        **lab,
        "running": True,
        "ready": not problems and "api" in lab,
        "problems": problems,
        "pods": {
            "ready": sum(c["ready"] for c in workloads.values()),
            "wanted": sum(c["wanted"] for c in workloads.values()),
        },
        "workloads": workloads,
        "processes": len(pids),
        "memory_mb": {"rss": memory.rss, "pss": memory.pss},
    }


def _remains(folder: LabFolder) -> list[str]:
    left = processes.of_lab(folder.home)
    if not left:
        return []
    return [f"the main process is gone but {len(left)} processes are left; `windtunnel lab down` ends them"]


def _workloads(folder: LabFolder, lab: dict[str, Any], problems: list[str]) -> dict[str, dict[str, int]]:
    if "api" not in lab:
        problems.append("the lab is still starting")
        return {}
    try:
        found = _get(
            f"{lab['api']}/apis/apps/v1/namespaces/shop/deployments",
            token=folder.token.read_text().strip(),
            context=ssl.create_default_context(cafile=str(folder.certificates / "ca.crt")),
        )
    except (OSError, ValueError) as error:
        problems.append(f"the API server at {lab['api']} does not answer: {error}; see {folder.log('main')}")
        return {}
    return {
        item["metadata"]["name"]: {
            "ready": item.get("status", {}).get("readyReplicas", 0),
            "wanted": item["spec"]["replicas"],
        }
        for item in json.loads(found)["items"]
    }


def _answers(part: str, url: str, folder: LabFolder, problems: list[str]) -> None:
    try:
        _get(url)
    except urllib.error.HTTPError as error:
        problems.append(f"{part} at {url} answers {error.code}")
        error.close()
    except OSError as error:
        problems.append(f"{part} at {url} does not answer: {error}; the logs are in {folder.logs}")


def _get(url: str, *, token: str = "", context: ssl.SSLContext | None = None) -> bytes:
    request = urllib.request.Request(url)  # noqa: S310 - the lab's own addresses
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),  # loopback is never behind a proxy
        *([urllib.request.HTTPSHandler(context=context)] if context else []),
    )
    with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
        return bytes(answer.read())
