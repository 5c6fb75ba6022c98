"""How to break, and how to take it back: one file per fault family, all of one shape (`shape.Fault`).

Belongs here: prepare, inject, status and undo of a fault, the RBAC it needs and the schema of its
parameters, both as data. Does not belong here: whether it may run (guardrails) and when (flows).
"""

import difflib
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from windtunnel.model.errors import InputError

if TYPE_CHECKING:
    from windtunnel.faults.shape import Fault

_MODULES: Mapping[str, str] = {  # a new fault is a new file and one line here
    "pod-delete": "pod_delete",
    "deployment-scale": "deployment_scale",
    "node-drain": "node_drain",
}


def fault_names() -> tuple[str, ...]:
    """Return the names of all faults, as experiment files write them."""
    return tuple(_MODULES)


def load_fault(name: str) -> "Fault":
    """Return the fault called *name*; its module is imported on first use.

    Raises:
        InputError: there is no such fault; the message suggests the nearest.
    """
    if name not in _MODULES:
        near = difflib.get_close_matches(name, _MODULES, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        msg = f"there is no fault {name!r}; {hint}known are {', '.join(_MODULES)}"
        raise InputError(msg)
    fault: Fault = import_module(f"windtunnel.faults.{_MODULES[name]}").FAULT
    return fault


def fault_schema(name: str) -> Mapping[str, Any]:
    """Return the JSON Schema (2020-12) of a fault's parameters.

    Raises:
        InputError: there is no such fault.
    """
    return load_fault(name).schema


class _Faults(Mapping[str, "Fault"]):
    """All faults by name, each imported when it is looked up."""

    def __getitem__(self, name: str) -> "Fault":
        if name not in _MODULES:
            raise KeyError(name)
        return load_fault(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


FAULTS: Mapping[str, "Fault"] = _Faults()
