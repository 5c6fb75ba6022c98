"""The lab's controllers and its scheduler: what makes a cluster move from what is to what should be.

Belongs here: pure decisions (from observed objects to changes), and the loops that carry them out through the
Kubernetes API. Does not belong here: anything that knows how the API server stores objects, or how nodes run
pods.
"""

from infra.lab.controllers.start import run_controllers
from infra.lab.controllers.timings import ControllerTimings

__all__ = ["ControllerTimings", "run_controllers"]
