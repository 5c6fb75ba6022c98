"""Custom resources: what their definition's schema prunes, fills in and refuses."""

from infra.lab.objects.crd.checking import validate
from infra.lab.objects.crd.pruning import default, prune

__all__ = ["default", "prune", "validate"]
