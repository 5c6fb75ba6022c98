"""How long the command line takes to say something."""

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure

ROOT = Path(__file__).parent.parent
EXPERIMENT = ROOT / "experiments" / "checkout-survives-pod-loss.yaml"
RUNS = 10
MANY = 1000


def startup_figures() -> list[Figure]:
    """Time --help and validate as whole processes, and validate over a thousand files."""
    with TemporaryDirectory() as folder:
        text = EXPERIMENT.read_text(encoding="utf-8")
        for number in range(MANY):
            named = text.replace("checkout-survives-pod-loss", f"checkout-{number}", 1)
            (Path(folder) / f"experiment-{number}.yaml").write_text(named, encoding="utf-8")
        return [
            Figure("windtunnel --help", "s", _time("--help"), goal=0.3),
            Figure("windtunnel validate, one file", "s", _time("validate", str(EXPERIMENT)), goal=0.3),
            Figure("windtunnel validate, 1,000 files", "s", _time("validate", folder, runs=3), goal=3.0),
        ]


def _time(*arguments: str, runs: int = RUNS) -> tuple[float, ...]:
    command = [str(Path(sys.executable).parent / "windtunnel"), *arguments]
    samples = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        samples.append(time.perf_counter() - began)
    return tuple(samples[1:])  # the first one warms the disk cache
