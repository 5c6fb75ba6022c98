"""Measure everything and write benchmarks/results.json."""

import json
import os
import platform
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.startup import startup_figures

RESULTS = Path(__file__).parent / "results.json"


def main() -> None:
    """Run the benchmarks one after another, each in the same fresh state folder."""
    with tempfile.TemporaryDirectory(prefix="windtunnel-bench-") as home:
        os.environ["WINDTUNNEL_HOME"] = home
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users let Python keep what it has compiled
        os.environ.pop("PREFECT_API_URL", None)
        figures = [*startup_figures()]
        # imported only now: they read WINDTUNNEL_HOME, and bring Prefect with them
        from benchmarks.dying import dying
        from benchmarks.gathering import gathering
        from benchmarks.in_the_lab import lab_figures
        from benchmarks.recording import ledger_figures

        figures.append(gathering())
        figures += ledger_figures()
        figures += lab_figures(Path(home))
        figures.append(dying())
    write(figures)
    for figure in figures:
        print(figure.line())
    print(f"written to {RESULTS}")


def write(figures: list[Figure]) -> None:
    """Write the figures with what they were measured on."""
    document = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),  # noqa: TID251 - a date for people
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "system": platform.platform(),
        },
        "figures": [figure.form() for figure in figures],
    }
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
