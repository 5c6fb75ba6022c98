"""How to look: one file per source of observation, each answering with an `Answer`.

Belongs here: asking and comparing, at a steady rate, and what the cluster's watch shows meanwhile. Does not
belong here: what a miss means for the verdict (model.judge).
"""

from windtunnel.probes.answer import Answer
from windtunnel.probes.looking import ProbeContext, look

__all__ = ["Answer", "ProbeContext", "look"]
