"""A connection on which the server checks all that windtunnel sends, field by field."""

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from windtunnel.clients.connection import Connection, Request


class StrictConnection(Connection):
    """Asks for `fieldValidation=Strict` with every write: a misspelt field is refused, not dropped."""

    __slots__ = ()

    def open(self, request: Request, *, read_s: float | None = None) -> AbstractContextManager[Any]:
        """Send *request*, strictly."""
        if request.method in {"POST", "PUT", "PATCH"}:
            query = {**(request.query or {}), "fieldValidation": "Strict"}
            request = replace(request, query=query)
        return super().open(request, read_s=read_s)
