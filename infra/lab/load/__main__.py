"""Run the customers: ``python -m infra.lab.load --shop http://127.64.96.80:8080``."""

import argparse
import logging
import sys


def main(arguments: list[str]) -> int:
    """Send requests until told to stop; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.lab.load", description="Send requests to the shop."
    )
    parser.add_argument("--shop", required=True, help="base address of the shop")
    parser.add_argument("--host", default="127.0.0.1", help="address of the generator's own metrics")
    parser.add_argument("--port", type=int, default=9091)
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second")
    options = parser.parse_args(arguments)
    sys.modules["ssl"] = None  # type: ignore[assignment] # asyncio does without: 4 MB less
    import asyncio

    from infra.lab.load.control import serve

    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    asyncio.run(serve(options.shop, host=options.host, port=options.port, rate=options.rate))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
