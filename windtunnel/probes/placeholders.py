"""`${NAME}` in a probe's headers and body: filled in at use, so that no file and no record holds a secret."""

import re
from collections.abc import Mapping

from windtunnel.model.errors import ProbeError
from windtunnel.redaction import learn

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def learn_all(text: str, environ: Mapping[str, str]) -> None:
    """Redact from now on what every `${NAME}` in *text* stands for, before any probe has filled it in."""
    for match in _PLACEHOLDER.finditer(text):
        learn(environ.get(match[1], ""))


def fill_in(text: str, environ: Mapping[str, str]) -> str:
    """Replace every `${NAME}` by the environment variable NAME, whose value is redacted from then on.

    Raises:
        ProbeError: a variable is not set; its name is told, and no value ever is.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in environ:
            msg = f"the environment variable {name} is not set, and the probe's ${{{name}}} needs it"
            raise ProbeError(msg)
        learn(environ[name])
        return environ[name]

    return _PLACEHOLDER.sub(value, text)
