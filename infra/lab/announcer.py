"""How the main process tells the command that started it how the start went."""

import json
import logging
import os
from typing import Any

LOG = logging.getLogger("lab")


class Announcer:
    """Tells the command that started us how it went: one line of JSON down a pipe."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def ready(self, description: dict[str, Any]) -> None:
        """Everything runs."""
        self._tell({"lab": description})

    def failed(self, problem: str) -> None:
        """It does not."""
        self._tell({"problem": problem})

    def _tell(self, line: dict[str, Any]) -> None:
        if self._descriptor < 0:
            return
        try:
            os.write(self._descriptor, json.dumps(line).encode() + b"\n")
        except BrokenPipeError:
            LOG.warning("whoever started the lab did not wait for it")
        os.close(self._descriptor)
        self._descriptor = -1
