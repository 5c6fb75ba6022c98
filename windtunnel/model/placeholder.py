"""`${...}` in a probe's headers and body: what stands in a file in the place of a secret. Pure."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from windtunnel.model.experiment import HttpProbe, Probe

START = "${"
FORMS = (
    "${NAME} for the environment variable NAME, ${secret:BLOCK} for a Secret block of Prefect, "
    "or ${kubernetes:NAMESPACE/NAME/KEY} for a value in a Secret of the cluster"
)
_PATTERN = re.compile(
    r"\$\{(?:([A-Za-z_][A-Za-z0-9_]*)"
    r"|secret:([a-z0-9][a-z0-9-]*)"
    r"|kubernetes:([a-z0-9-]+/[a-z0-9.-]+/[A-Za-z0-9._-]+))\}"
)


class Source(StrEnum):
    """Where a value comes from."""

    ENVIRONMENT = "environment"
    PREFECT = "prefect"
    KUBERNETES = "kubernetes"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One place to fill in. *name* is a variable, a block, or NAMESPACE/NAME/KEY."""

    source: Source
    name: str


def filled(text: str, value: Callable[[Placeholder], str]) -> str:
    """Return *text* with every placeholder in it replaced by its *value*."""
    return _PATTERN.sub(lambda match: value(_placeholder(match)), text)


def without_placeholders(text: str) -> str:
    """Return what is left of *text* without them; `${` in it is the start of a broken one."""
    return _PATTERN.sub("", text)


def placeholders_in(text: str) -> tuple[Placeholder, ...]:
    """Return the placeholders of *text*, each once."""
    return tuple(dict.fromkeys(map(_placeholder, _PATTERN.finditer(text))))


def placeholders_of(probes: Iterable[Probe], source: Source) -> tuple[Placeholder, ...]:
    """Return what *probes* take from *source*, each once."""
    texts = [
        text
        for probe in probes
        if isinstance(probe.look, HttpProbe)
        for text in (*probe.look.headers.values(), probe.look.body)
    ]
    found = [one for text in texts for one in placeholders_in(text) if one.source is source]
    return tuple(dict.fromkeys(found))


def _placeholder(match: re.Match[str]) -> Placeholder:
    variable, block, value = match.groups()
    if variable:
        return Placeholder(Source.ENVIRONMENT, variable)
    return Placeholder(Source.PREFECT, block) if block else Placeholder(Source.KUBERNETES, value)
