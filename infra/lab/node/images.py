"""The lab's image table: how each image name runs as a local process, and what to say about any other.

Belongs here: names to programs, nothing else. A real registry is not consulted: what is not in the table
cannot be pulled.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from infra.lab.node.spawner import Program

SHOP = ("frontend", "checkout", "payments", "catalog")
SHOP_MODULES = tuple(f"infra.lab.shop.{name}" for name in SHOP)
AGNHOST_MODULE = "infra.lab.node.agnhost"


@dataclass(frozen=True, slots=True)
class Image:
    """One row: what an image runs when the pod does not say otherwise.

    Attributes:
        module: Python module that is the image's entrypoint; empty when it has none.
        command: default arguments, or the whole command where there is no entrypoint.
        entrypoints: first words of a pod's ``command`` that mean the module itself.
    """

    module: str = ""
    command: tuple[str, ...] = ()
    entrypoints: frozenset[str] = field(default_factory=frozenset)


_AGNHOST = Image(AGNHOST_MODULE, ("pause",), frozenset({"/agnhost", "agnhost"}))
_PAUSE = Image(AGNHOST_MODULE, ("pause",), frozenset({"/pause"}))
_BUSYBOX = Image(command=("sh",))

# By the last part of the name: any registry, any tag.
_BY_LAST_PART = MappingProxyType({"agnhost": _AGNHOST, "pause": _PAUSE, "busybox": _BUSYBOX})
_BY_NAME = MappingProxyType({f"windtunnel.dev/shop-{name}": Image(f"infra.lab.shop.{name}") for name in SHOP})


def find(image: str) -> Image | None:
    """The row of an image name, with or without tag and digest; None when the table does not have it."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    last = last.partition(":")[0]
    return _BY_NAME.get(f"{head}{slash}{last}") or _BY_LAST_PART.get(last)


def program(image: Image, command: Sequence[str], args: Sequence[str]) -> Program:
    """What to run: the pod's command replaces the entrypoint, its args replace the default arguments."""
    if command and command[0] not in image.entrypoints:
        return Program((*command, *args))
    if command:
        return Program((*command[1:], *args), image.module)
    arguments = tuple(args) or image.command
    if image.module:
        return Program(arguments, image.module)
    return Program(arguments)


def image_id(image: str) -> str:
    """What containerStatuses show as imageID."""
    return f"lab://{image.partition('@')[0]}"
