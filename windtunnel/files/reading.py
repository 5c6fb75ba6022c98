"""Bytes of a file as text, bounded before anything looks at them."""

import stat
from pathlib import Path

from windtunnel.files.problems import FileError, Problem, did_you_mean
from windtunnel.redaction import redact

LARGEST_BYTES = 1024 * 1024


def read_text(path: Path) -> str:
    """Return the text of *path*.

    Raises:
        FileError: it is missing, no regular file, too large, not readable or not UTF-8.
    """
    source = str(path)
    try:
        mode = path.stat()
        if stat.S_ISDIR(mode.st_mode):
            raise _unusable(source, "is a folder; name a file in it")
        if not stat.S_ISREG(mode.st_mode):
            raise _unusable(source, "is not a regular file")
        if mode.st_size > LARGEST_BYTES:
            raise _unusable(
                source, f"has {mode.st_size / 1e6:.1f} MB; the largest file that is read has 1 MB"
            )
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise _unusable(source, f"there is no such file{_similar(path)}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise _unusable(source, f"cannot be read: {reason}") from None
    if len(content) > LARGEST_BYTES:
        raise _unusable(source, "grew beyond 1 MB while it was read")
    return _decoded(content, source)


def refuse_secrets(text: str, source: str) -> None:
    """Refuse a text that would travel with a run, and be kept, with a known secret in it.

    Raises:
        FileError: it holds one; the lines are told, and no value ever is.
    """
    if redact(text) == text:
        return
    lines = [number for number, line in enumerate(text.splitlines(), 1) if redact(line) != line]
    message = (
        "holds the value of a secret that this process knows; write ${NAME} in its place, "
        "or give the secret a value that is no ordinary word"
    )
    raise FileError([Problem(source, number, 1, "", message) for number in lines or [1]])


def _decoded(content: bytes, source: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileError([Problem(source, 1, 1, "", "is UTF-16; save it as UTF-8")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", errors="replace")) + 1
        message = f"is not UTF-8 (byte 0x{content[error.start]:02x}); save it as UTF-8"
        raise FileError([Problem(source, line, column, "", message)]) from None


def _similar(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f"; nor is there a folder {path.parent}"
    return did_you_mean(path.name, names)


def _unusable(source: str, message: str) -> FileError:
    return FileError([Problem(source, 0, 0, "", message)])
