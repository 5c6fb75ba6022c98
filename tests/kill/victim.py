"""A run that kills itself: `python -m tests.kill.victim FAULT POINT SIGNAL FILE` is `windtunnel run FILE`."""

import signal
import sys

from tests.kill.points import arm, points
from windtunnel.cli import main

if __name__ == "__main__":
    _, fault, point, number, file = sys.argv
    seam, before = points(fault)[point]
    arm(seam, before=before, number=signal.Signals[number])
    sys.argv = ["windtunnel", "run", file]
    main()
