"""Run the lab's Prometheus: ``python -m infra.lab.metrics --api https://... --host 127.64.0.1``."""

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from infra.lab.client import ApiError, HttpApi
from infra.lab.metrics.discovery import PodDiscovery, Target
from infra.lab.serving import log_to_stdout, run_until_signal, serve_app

LOG = logging.getLogger("metrics")

WAIT_SECONDS = 0.1


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m infra.lab.metrics")
    parser.add_argument("--api", required=True, help="address of the API server")
    parser.add_argument("--token-file", required=True)
    parser.add_argument("--ca-file", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9090)
    parser.add_argument("--load", default="", help="address of the load generator")
    parser.add_argument(
        "--real", default="", help="a prometheus program to run instead of the embedded engine"
    )
    parser.add_argument("--folder", default="", help="where a real Prometheus keeps its files")
    return parser.parse_args(arguments)


async def fixed_targets(options: argparse.Namespace, api: HttpApi, token: str) -> tuple[Target, ...]:
    """Return what is scraped beside the pods, as soon as the API server answers."""
    targets = []
    if options.load:
        address = options.load.split("//")[1]
        targets.append(Target(f"{options.load}/metrics", {"job": "load", "instance": address, "app": "load"}))
    if await serves_metrics(api):
        address = options.api.split("//")[1]
        targets.append(Target(f"{options.api}/metrics", {"job": "apiserver", "instance": address}, token))
    return tuple(targets)


async def serves_metrics(api: HttpApi) -> bool:
    """Wait until the API server answers, and say whether it has metrics."""
    import aiohttp

    while True:
        try:
            await api.get("/metrics")
        except ApiError as error:
            LOG.warning("the API server's metrics are not scraped: %s", error)
            return False
        except (aiohttp.ClientError, TimeoutError) as error:
            LOG.debug("waiting for the API server: %s", error)
        else:
            return True
        await asyncio.sleep(WAIT_SECONDS)


async def embedded(options: argparse.Namespace, api: HttpApi, fixed: tuple[Target, ...]) -> None:
    """Scrape and answer until cancelled."""
    from infra.lab.metrics.prometheus_api import PrometheusApi
    from infra.lab.metrics.scraping import Scraper

    scraper = Scraper(fixed=fixed, ca_file=options.ca_file)
    async with asyncio.TaskGroup() as work:
        work.create_task(PodDiscovery(api, scraper.retarget).follow())
        work.create_task(scraper.run())
        work.create_task(serve_app(PrometheusApi(scraper).app(), host=options.host, port=options.port))


async def real(options: argparse.Namespace, api: HttpApi, fixed: tuple[Target, ...]) -> None:
    """Keep a real Prometheus and its list of pods until cancelled."""
    from infra.lab.metrics.real import RealPrometheus, configuration

    prometheus = RealPrometheus(
        options.real, folder=Path(options.folder), host=options.host, port=options.port
    )
    prometheus.configure(
        configuration(
            fixed=fixed,
            pods_file=prometheus.pods_file,
            token_file=options.token_file,
            ca_file=options.ca_file,
        )
    )
    async with asyncio.TaskGroup() as work:
        work.create_task(PodDiscovery(api, prometheus.retarget).follow())
        work.create_task(prometheus.run())


async def serve(options: argparse.Namespace, token: str) -> None:
    """Run until cancelled."""
    async with HttpApi(options.api, token, options.ca_file) as api:
        mode = real if options.real else embedded
        await mode(options, api, await fixed_targets(options, api, token))


def main(arguments: list[str]) -> int:
    """Run; return the exit status."""
    log_to_stdout()
    options = parse(arguments)
    run_until_signal(serve(options, Path(options.token_file).read_text().strip()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
