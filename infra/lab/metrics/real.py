"""A real Prometheus instead of the embedded engine: its configuration, its list of pods, its process."""

import asyncio
import json
import logging
import os
import shutil
import signal
from functools import partial
from pathlib import Path
from typing import Any

from infra.lab.metrics.discovery import PODS_JOB, Target
from infra.lab.metrics.scraping import API_SERVER_METRICS
from infra.lab.node.lifeline import die_with_parent
from infra.lab.state import LabError

LOG = logging.getLogger("metrics.real")

STOP_SECONDS = 5.0


class NoPrometheusError(LabError):
    """There is no prometheus program to run."""


def find_program(given: str = "") -> str:
    """Return the path of the prometheus program: *given*, or the one on PATH.

    Raises:
        NoPrometheusError: there is none; the text says where it was looked for and how to get one.
    """
    found = shutil.which(given or "prometheus")
    if found is None:
        where = f"{given} is no program" if given else "no program prometheus on PATH"
        msg = (
            f"cannot run a real Prometheus: {where}. Install one (Debian, Ubuntu: apt-get "
            "install prometheus), or leave out --prometheus real to use the embedded engine."
        )
        raise NoPrometheusError(msg)
    return found


def configuration(
    *, fixed: tuple[Target, ...], pods_file: Path, token_file: str, ca_file: str
) -> dict[str, Any]:
    """Return prometheus.yml as a document; the pods come from *pods_file*, rewritten as they change."""
    jobs: list[dict[str, Any]] = [
        {
            "job_name": PODS_JOB,
            "honor_labels": True,
            "file_sd_configs": [{"files": [str(pods_file)], "refresh_interval": "5s"}],
        }
    ]
    for target in fixed:
        job: dict[str, Any] = {
            "job_name": target.labels["job"],
            "honor_labels": True,
            "scheme": target.url.split(":")[0],
            "static_configs": [{"targets": [target.address], "labels": _but_job(target.labels)}],
        }
        if target.token:
            job["authorization"] = {"credentials_file": token_file}
            job["tls_config"] = {"ca_file": ca_file}
            job["metric_relabel_configs"] = [
                {"source_labels": ["__name__"], "regex": "|".join(API_SERVER_METRICS), "action": "keep"}
            ]
        jobs.append(job)
    return {"global": {"scrape_interval": "1s", "scrape_timeout": "900ms"}, "scrape_configs": jobs}


def service_discovery(pods: tuple[Target, ...]) -> list[dict[str, Any]]:
    """Return *pods* as Prometheus' file_sd document."""
    return [
        {
            "targets": [pod.address],
            "labels": {**_but_job(pod.labels), "__metrics_path__": "/" + pod.url.split("/", 3)[3]},
        }
        for pod in pods
    ]


class RealPrometheus:
    """One prometheus process; it dies with this one."""

    def __init__(self, program: str, *, folder: Path, host: str, port: int) -> None:
        self._program = program
        self._folder = folder
        self._address = f"{host}:{port}"
        self.pods_file = folder / "pods.json"

    def configure(self, document: dict[str, Any]) -> None:
        """Write the configuration. JSON is YAML."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "prometheus.yml").write_text(json.dumps(document, indent=1))
        self.retarget(())

    def retarget(self, pods: tuple[Target, ...]) -> None:
        """Scrape *pods* from now on; Prometheus notices within five seconds."""
        fresh = self.pods_file.with_suffix(".tmp")
        fresh.write_text(json.dumps(service_discovery(pods)))
        fresh.replace(self.pods_file)

    async def run(self) -> None:
        """Run until cancelled.

        Raises:
            RuntimeError: it ended by itself.
        """
        process = await asyncio.create_subprocess_exec(
            self._program,
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            "--storage.tsdb.retention.time=2h",
            f"--web.listen-address={self._address}",
            "--log.level=warn",
            env={**os.environ, "GOMAXPROCS": "2", "GOGC": "50"},  # half the memory; the lab is small
            preexec_fn=partial(die_with_parent, signal.SIGKILL),
        )
        LOG.info("%s answers on http://%s, process %d", self._program, self._address, process.pid)
        try:
            status = await process.wait()
            msg = f"{self._program} ended by itself with status {status}; its own lines above say why"
            raise RuntimeError(msg)
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), STOP_SECONDS)
                except TimeoutError:
                    process.kill()
                    await process.wait()


def _but_job(labels: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name != "job"}
