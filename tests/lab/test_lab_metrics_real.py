"""A real Prometheus in the embedded engine's place: Debian's package, unpacked without root."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import requests
from prometheus_api_client import PrometheusConnect

from infra.lab import processes
from infra.lab.down import down
from infra.lab.up import up

pytestmark = pytest.mark.lab

CACHE = Path(__file__).parents[2] / ".cache" / "prometheus"


@pytest.fixture(scope="session")
def prometheus_program() -> str:
    """The program on PATH, or Debian's, kept in a cache folder for the next time."""
    if found := shutil.which("prometheus"):
        return found
    unpacked = CACHE / "usr" / "bin" / "prometheus"
    if unpacked.exists():
        return str(unpacked)
    download, unpack = shutil.which("apt-get"), shutil.which("dpkg")
    if not (download and unpack):
        pytest.skip("no program prometheus, and no apt-get to download Debian's package")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        got = subprocess.run(
            [download, "download", "prometheus"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        packages = list(Path(folder).glob("prometheus_*.deb"))
        if got.returncode or not packages:
            pytest.skip(f"apt-get cannot download prometheus: {got.stderr.strip()[-300:]}")
        subprocess.run([unpack, "-x", str(packages[0]), str(CACHE)], check=True, timeout=90)
    return str(unpacked)


def test_a_real_prometheus_scrapes_the_same_shop(prometheus_program: str, tmp_path: Path, eventually):
    home = tmp_path / "home"
    home.mkdir()
    try:
        lab = up(home, replicas=1, nodes=1, prometheus="real", prometheus_program=prometheus_program)
        with PrometheusConnect(lab["prometheus"]) as client:
            apps = eventually(
                lambda: (
                    {"frontend", "checkout", "payments", "catalog"}
                    <= {series["metric"].get("app") for series in client.custom_query("up == 1")}
                    and client.custom_query('rate(http_requests_total{app="frontend",code="200"}[15s]) > 5')
                ),
                within_s=40,
            )
        build = requests.get(f"{lab['prometheus']}/api/v1/status/buildinfo", timeout=5).json()["data"]
    finally:
        down(home)

    assert apps[0]["metric"]["job"] == "kubernetes-pods"
    assert apps[0]["metric"]["namespace"] == "shop"
    assert build["goVersion"].startswith("go")
    assert processes.of_lab(home) == []
