"""Secrets are taken out by value: whatever text leaves the process, a known secret in it reads `***`.

Whoever reads a secret calls `learn`; whoever writes text out of the process calls `redact`.
"""

import base64
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, quote_plus, unquote

MASK = "***"
LEAST = 6  # characters; a shorter value, like `true` or `8080`, would blacken ordinary text

_KEYS = "API|ACCESS|ACCOUNT|AUTH|ENCRYPTION|INTEGRATION|LICENSE|MASTER|PRIVATE|ROUTING|SECRET|SIGNING"
_SECRET_NAME = re.compile(
    rf"(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|AUTH_STRING|({_KEYS})_?KEY)$", re.IGNORECASE
)
_PASSWORD = re.compile(r"://[^/?#\s:@]*:([^/?#\s@]+)@")


def forms(secret: str) -> frozenset[str]:
    """Return the ways in which *secret* may stand in text: as it is, in URLs, in JSON and in base64."""
    raw = secret.encode("utf-8", "surrogateescape")  # as the environment hands over what is not UTF-8
    return frozenset(
        {
            secret,
            quote(raw, safe=""),
            quote(raw),
            quote_plus(raw),
            json.dumps(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
            repr(secret)[1:-1],
            *(form for encoded in _in_base64(raw) for form in (encoded, encoded.translate(_URL_SAFE))),
        }
    )


def pattern(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """Return what finds every form of *secrets*, the longest first; None where there is nothing to find."""
    known = {form for secret in secrets if len(secret) >= LEAST for form in forms(secret)}
    ordered = sorted((form for form in known if len(form) >= LEAST), key=lambda form: (-len(form), form))
    return re.compile("|".join(map(re.escape, ordered))) if ordered else None


class Secrets:
    """The secrets that a process has read so far."""

    def __init__(self) -> None:
        """Know none."""
        self._values: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        self._one_at_a_time = threading.Lock()

    def learn(self, secret: str) -> None:
        """Redact *secret* from now on; one shorter than `LEAST` is not."""
        value = secret.strip()
        if len(value) < LEAST or value in self._values:
            return
        with self._one_at_a_time:  # who finds it known may rely on its being redacted
            self._pattern = pattern(self._values | {value})
            self._values |= {value}

    def redact(self, text: str) -> str:
        """Return *text* with every known secret as `***`."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)


_URL_SAFE = str.maketrans("+/", "-_")


def _in_base64(raw: bytes) -> Iterable[str]:
    """Yield what *raw* is in base64 at each of the three offsets it may have in a longer text."""
    yield base64.b64encode(raw).decode()
    for offset, skipped in enumerate((0, 2, 3)):
        whole = (offset + len(raw)) * 8 // 6  # characters that hold nothing of what follows
        yield base64.b64encode(b"\0" * offset + raw).decode()[skipped:whole]


_known = Secrets()
learn = _known.learn
redact = _known.redact


def learn_environment(environ: Mapping[str, str]) -> None:
    """Learn the variables whose names end like those of secrets, and every password in an address."""
    for name, value in environ.items():
        if _SECRET_NAME.search(name):
            learn(value)
        for password in _PASSWORD.findall(value):
            learn(password)
            learn(unquote(password))


def one_line(text: str, longest: int) -> str:
    """Return *text* redacted, on one line, and then cut: half a secret would no longer be known as one."""
    line = " ".join(redact(text).split())
    return line if len(line) <= longest else line[: longest - 3] + "..."


class RedactedError(RuntimeError):
    """Stands for an error whose words hold a secret, where others show the words of what is raised."""


@contextmanager
def secrets_kept_in() -> Iterator[None]:
    """Let no error leave the block with a secret in its words: Prefect shows the words of what a flow raises.

    It keeps its type where its words come from its arguments, as those of nearly all errors do.
    """
    try:
        yield
    except Exception as error:
        if _tells_none(error):
            raise
        error.args = tuple(redact_all(each) for each in error.args)
        if _tells_none(error):
            raise
        told = RedactedError(redact(f"{type(error).__name__}: {error}"))
        raise told.with_traceback(error.__traceback__) from None


def _tells_none(error: Exception) -> bool:
    return redact(str(error)) == str(error)


def redact_all(value: Any) -> Any:
    """Return a JSON value with every text in it redacted, so that what was JSON stays JSON."""
    match value:
        case str():
            return redact(value)
        case Mapping():
            return {redact(str(key)): redact_all(each) for key, each in value.items()}
        case list() | tuple():
            return [redact_all(each) for each in value]
        case _:
            return value
