"""A real Prometheus with a known past, and a real Alertmanager: Debian's programs, or a skip."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests


def program(*names: str) -> str:
    """Return the first of *names* that is installed, or skip."""
    for name in names:
        if found := shutil.which(name):
            return found
    pytest.skip(f"{names[0]} is not installed (apt-get install {names[-1]})")


@contextmanager
def prometheus(folder: Path, openmetrics: str, *, port: int) -> Iterator[str]:
    """Start a Prometheus whose store was filled from *openmetrics*; give its URL."""
    (folder / "past.om").write_text(openmetrics, encoding="utf-8")
    data = folder / "data"
    promtool = program("promtool", "prometheus")
    filling = [promtool, "tsdb", "create-blocks-from", "openmetrics", str(folder / "past.om"), str(data)]
    subprocess.run(filling, check=True, capture_output=True)
    (folder / "prometheus.yml").write_text("global: {}\n", encoding="utf-8")
    command = [
        program("prometheus"), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={data}",
        f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=100d", "--log.level=error",
    ]  # fmt: skip
    with _running(command, f"http://127.0.0.1:{port}", "/-/ready") as url:
        yield url


@contextmanager
def alertmanager(folder: Path, *, port: int) -> Iterator[str]:
    """Start an Alertmanager that tells nobody; give its URL."""
    (folder / "am.yml").write_text("route: {receiver: none}\nreceivers: [{name: none}]\n", encoding="utf-8")
    command = [
        program("prometheus-alertmanager", "alertmanager"), f"--config.file={folder}/am.yml",
        f"--storage.path={folder}/am", f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=", "--log.level=error",
    ]  # fmt: skip
    with _running(command, f"http://127.0.0.1:{port}", "/-/ready") as url:
        yield url


@contextmanager
def _running(command: list[str], url: str, ready: str) -> Iterator[str]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        _until_ready(process, url + ready)
        yield url
    finally:
        process.terminate()
        process.communicate(timeout=20)


def _until_ready(process: "subprocess.Popen[str]", url: str) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        assert process.poll() is None, process.communicate()[1]
        try:
            if requests.get(url, timeout=1).ok:
                return
        except requests.RequestException:
            pass  # not yet
        time.sleep(0.1)
    pytest.fail(f"{url} did not become ready")
