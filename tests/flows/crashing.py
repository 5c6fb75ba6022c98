"""`windtunnel run FILE`, broken: it waits for recovery, and crashes with a secret in its error."""

import os
import sys
from typing import NoReturn

from tasks import recover
from windtunnel.cli import main


def broken(*_: object, **__: object) -> NoReturn:
    """Break as a library might: with what it was given in its words."""
    msg = f"crashed-here with {os.environ['SHOP_TOKEN']}"
    raise ValueError(msg)


if __name__ == "__main__":
    recover.still_missing = broken
    sys.argv = ["windtunnel", "run", *sys.argv[1:]]
    main()
