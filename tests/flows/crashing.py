"""`windtunnel run FILE`, broken: it crashes in a step, or between two, with a secret in its error."""

import os
import sys
from typing import NoReturn

from tasks import hold, recover
from windtunnel.cli import main


def broken(*_: object, **__: object) -> NoReturn:
    """Break as a library might: with what it was given in its words."""
    msg = f"crashed-here with {os.environ['SHOP_TOKEN']}"
    raise ValueError(msg)


if __name__ == "__main__":
    if "BETWEEN_STEPS" in os.environ:
        hold.claims_of = broken
    else:
        recover.still_missing = broken
    sys.argv = ["windtunnel", "run", *sys.argv[1:]]
    main()
