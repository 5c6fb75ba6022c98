"""A probe's placeholders, filled in at use, so that no file and no record holds a secret."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from windtunnel.model.errors import ProbeError, WindtunnelError
from windtunnel.model.experiment import Probe
from windtunnel.model.placeholder import Placeholder, Source, filled, placeholders_of
from windtunnel.redaction import learn

Fetched = Mapping[Placeholder, str | WindtunnelError]  # the values, or why there is none
NOTHING: Fetched = MappingProxyType({})


def learn_variables(probes: Iterable[Probe], environ: Mapping[str, str]) -> None:
    """Redact from now on the variables that *probes* take, before any of them has looked."""
    for one in placeholders_of(probes, Source.ENVIRONMENT):
        learn(environ.get(one.name, ""))


def fill_in(text: str, environ: Mapping[str, str], fetched: Fetched = NOTHING) -> str:
    """Replace every placeholder; a variable is read now, and redacted from then on.

    Args:
        text: A header's value, or a body.
        environ: The variables.
        fetched: What was fetched for the others when the run began.

    Raises:
        ProbeError: a value is not there; its name is told, and no value ever is.
    """

    def value(one: Placeholder) -> str:
        if one.source is Source.ENVIRONMENT:
            return _variable(one.name, environ)
        found = fetched.get(one, ProbeError(f"{one.source}'s secret {one.name} was not fetched"))
        if isinstance(found, WindtunnelError):
            raise ProbeError(str(found))
        return found

    return filled(text, value)


def _variable(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        msg = f"the environment variable {name} is not set, and the probe's ${{{name}}} needs it"
        raise ProbeError(msg)
    learn(environ[name])
    return environ[name]
