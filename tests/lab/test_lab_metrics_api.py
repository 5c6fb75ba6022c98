"""The embedded Prometheus, asked over real HTTP by the client the product uses."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
from prometheus_api_client import PrometheusApiClientException, PrometheusConnect

from infra.lab.apiserver import clock
from infra.lab.metrics.discovery import Target, target_of
from infra.lab.metrics.prometheus_api import PrometheusApi
from infra.lab.metrics.promql import QueryError, normalise, parse_step, parse_time
from infra.lab.metrics.real import NoPrometheusError, configuration, find_program, service_discovery
from infra.lab.metrics.scraping import Scraper
from infra.lab.serving import serve_app
from infra.lab.shop import payments
from infra.lab.shop.http_client import Upstream
from infra.lab.shop.service import Pod, Settings

POD = {
    "metadata": {
        "name": "payments-1",
        "namespace": "shop",
        "uid": "u1",
        "labels": {"app": "payments"},
        "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
    },
    "status": {"podIP": "127.0.0.1", "phase": "Running"},
}


def pod(*, labels: dict | None = None, annotations: dict | None = None, **status: str) -> dict:
    metadata = {**POD["metadata"]}
    metadata["labels"] = metadata["labels"] if labels is None else labels
    metadata["annotations"] = {**metadata["annotations"], **(annotations or {})}
    return {"metadata": metadata, "status": {**POD["status"], **status}}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def a_scraped_pod(port: int, ready: threading.Event, stop: threading.Event) -> None:
    shop_pod = Pod(payments.build({}), Settings("127.0.0.1", 0, 0.0, 1.0))
    shop_port = await shop_pod.start()
    customer = Upstream("payments", f"http://127.0.0.1:{shop_port}")
    scraper = Scraper(
        fixed=(Target("http://127.0.0.1:9/metrics", {"job": "gone", "instance": "gone", "pod": ""}),),
        interval_s=0.1,
    )
    annotated = pod(annotations={"prometheus.io/port": str(shop_port)})
    scraper.retarget(tuple(filter(None, [target_of(annotated)])))
    tasks = [
        asyncio.ensure_future(scraper.run()),
        asyncio.ensure_future(serve_app(PrometheusApi(scraper).app(), host="127.0.0.1", port=port)),
    ]
    for _ in range(12):
        await customer.get("/methods")
        await asyncio.sleep(0.06)
    ready.set()
    await asyncio.to_thread(stop.wait)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await customer.close()
    await shop_pod.stop()


@pytest.fixture(scope="module")
def prometheus() -> Iterator[str]:
    port, ready, stop = free_port(), threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(a_scraped_pod(port, ready, stop)))
    thread.start()
    assert ready.wait(20)
    yield f"http://127.0.0.1:{port}"
    stop.set()
    thread.join(20)


@pytest.fixture
def client(prometheus: str) -> Iterator[PrometheusConnect]:
    with PrometheusConnect(prometheus) as connected:
        yield connected


def test_the_client_library_finds_a_healthy_server(client: PrometheusConnect, prometheus: str):
    assert client.check_prometheus_connection()
    assert requests.get(f"{prometheus}/-/healthy", timeout=5).ok
    assert requests.get(f"{prometheus}/-/ready", timeout=5).ok
    assert client.all_metrics()[:1] == ["http_request_duration_seconds_bucket"]


def test_a_series_carries_the_labels_of_its_pod(client: PrometheusConnect):
    (series,) = client.custom_query('http_requests_total{code="200"}')

    instance = series["metric"].pop("instance")
    assert instance.startswith("127.0.0.1:")
    assert series["metric"] == {
        "__name__": "http_requests_total",
        "app": "payments",
        "code": "200",
        "method": "GET",
        "path": "/methods",
        "job": "kubernetes-pods",
        "namespace": "shop",
        "pod": "payments-1",
    }


def test_the_success_ratio_of_the_shipped_experiments_can_be_asked(client: PrometheusConnect):
    ratio = """sum(rate(http_requests_total{app="payments",code!~"5.."}[15s]))
               / sum(rate(http_requests_total{app="payments"}[15s]))"""

    (sample,) = client.custom_query(ratio)

    assert float(sample["value"][1]) == 1.0


def test_single_quotes_and_posted_forms_work_as_in_prometheus(prometheus: str):
    with PrometheusConnect(prometheus, method="POST") as posting:
        (series,) = posting.get_current_metric_value("up", {"app": "payments"})

    assert series["value"][1] == "1"


def test_a_dead_target_is_down_and_says_why(client: PrometheusConnect, prometheus: str):
    (down,) = client.custom_query('up{job="gone"}')
    targets = requests.get(f"{prometheus}/api/v1/targets", timeout=5).json()["data"]["activeTargets"]

    assert down["value"][1] == "0"
    health = {target["labels"]["job"]: (target["health"], target["lastError"]) for target in targets}
    assert health["kubernetes-pods"] == ("up", "")
    assert health["gone"][0] == "down"
    assert "127.0.0.1:9" in health["gone"][1] or "connect" in health["gone"][1].lower()


def test_raw_samples_of_a_range_vector_are_returned(client: PrometheusConnect):
    now = clock.now()
    (series,) = client.get_metric_range_data(
        "up", {"app": "payments"}, start_time=now - timedelta(seconds=60), end_time=now + timedelta(seconds=5)
    )

    assert len(series["values"]) >= 3
    assert {value for _, value in series["values"]} == {"1"}


def test_a_range_query_has_one_point_a_step(client: PrometheusConnect):
    now = clock.now()
    (series,) = client.custom_query_range(
        'up{app="payments"}',
        start_time=now - timedelta(seconds=1),
        end_time=now + timedelta(seconds=3),
        step="1",
    )

    assert [b - a for (a, _), (b, _) in zip(series["values"], series["values"][1:], strict=False)].count(
        1.0
    ) >= 2


def test_labels_values_and_series_can_be_listed(client: PrometheusConnect, prometheus: str):
    assert {"app", "job", "instance", "namespace", "pod", "le"} <= set(client.get_label_names())
    assert client.get_label_values("namespace") == ["shop"]
    found = requests.get(
        f"{prometheus}/api/v1/series", params={"match[]": 'up{app="payments"}'}, timeout=5
    ).json()
    assert [series["pod"] for series in found["data"]] == ["payments-1"]


@pytest.mark.parametrize(
    ("path", "status", "kind", "said"),
    [
        ("query", 400, "bad_data", 'invalid parameter "query"'),
        ("query?query=up{", 400, "bad_data", "parse error"),
        ("query?query=up&time=soon", 400, "bad_data", 'cannot parse "soon" to a valid timestamp'),
        ("query?query=max_over_time(up[5s])", 400, "bad_data", "--prometheus real"),
        ("query?query=rate(up)", 422, "execution", "range vector"),
        ("query_range?query=up&start=2&end=1&step=1", 400, "bad_data", "end timestamp must not be before"),
        ("query_range?query=up&start=1&end=2&step=0", 400, "bad_data", "zero or negative"),
        ("query_range?query=up&start=1&end=99999&step=1", 400, "bad_data", "11,000 points"),
        ("query_range?query=up[5s]&start=1&end=2&step=1", 400, "bad_data", "range vector"),
        ("series", 400, "bad_data", "no match[] parameter provided"),
        ("label/not-a-label/values", 400, "bad_data", "invalid label name"),
    ],
)
def test_a_bad_query_is_refused_as_prometheus_refuses_it(
    prometheus: str, path: str, status: int, kind: str, said: str
):
    answer = requests.get(f"{prometheus}/api/v1/{path}", timeout=5)

    assert (answer.status_code, answer.json()["status"], answer.json()["errorType"]) == (
        status,
        "error",
        kind,
    )
    assert said in answer.json()["error"]


def test_the_client_library_raises_on_a_bad_query(client: PrometheusConnect):
    with pytest.raises(PrometheusApiClientException, match="parse error"):
        client.custom_query("sum(")


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("up{a='b'}", 'up{a="b"}'),
        ("up{a=`b\\d`}", 'up{a="b\\\\d"}'),
        ("up{a='it\\'s'}", 'up{a="it\'s"}'),
        ('up{a="#no comment"} # comment', 'up{a="#no comment"} '),
        ("up{a='say \"hi\"'}", 'up{a="say \\"hi\\""}'),
    ],
)
def test_strings_are_brought_to_double_quotes(given: str, normal: str):
    assert normalise(given) == normal


def test_times_and_steps_take_seconds_and_words():
    assert parse_time("time", "1.5") == 1500
    assert parse_time("time", "1970-01-01T00:00:02Z") == 2000
    assert (parse_step("0.5"), parse_step("1m30s")) == (500, 90_000)
    with pytest.raises(QueryError, match="step"):
        parse_step("often")


@pytest.mark.parametrize(
    "unscraped",
    [
        pod(annotations={"prometheus.io/scrape": "false"}),
        pod(podIP=""),
        pod(phase="Succeeded"),
        {"metadata": {"name": "bare", "namespace": "shop", "uid": "u2"}},
    ],
)
def test_a_pod_that_does_not_ask_or_has_no_process_is_not_scraped(unscraped: dict):
    assert target_of(unscraped) is None


def test_a_pod_that_is_gone_has_no_current_value():
    async def story() -> tuple[int, int]:
        scraper = Scraper(fixed=(), interval_s=0.05)
        shop_pod = Pod(payments.build({}), Settings("127.0.0.1", 0, 0.0, 1.0))
        port = await shop_pod.start()
        target = target_of(pod(annotations={"prometheus.io/port": str(port)}))
        assert target is not None
        scraper.retarget((target,))
        running = asyncio.ensure_future(scraper.run())
        await asyncio.sleep(0.3)
        before = len(scraper.engine.query("up", None)["data"]["result"])
        scraper.retarget(())
        await asyncio.sleep(0.1)
        after = len(scraper.engine.query("up", time.time_ns() // 1_000_000)["data"]["result"])
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await shop_pod.stop()
        return before, after

    assert asyncio.run(story()) == (1, 0)


def test_a_real_prometheus_is_told_of_the_same_targets(tmp_path):
    api = Target(
        "https://127.64.0.1:6443/metrics", {"job": "apiserver", "instance": "127.64.0.1:6443"}, "secret"
    )
    document = configuration(fixed=(api,), pods_file=tmp_path / "pods.json", token_file="/t", ca_file="/c")

    jobs = {job["job_name"]: job for job in document["scrape_configs"]}
    assert jobs["apiserver"]["static_configs"][0]["targets"] == ["127.64.0.1:6443"]
    assert jobs["apiserver"]["authorization"] == {"credentials_file": "/t"}
    assert "secret" not in str(document)
    (found,) = service_discovery((target_of(POD),))
    assert found["targets"] == ["127.0.0.1:8080"]
    assert found["labels"]["__metrics_path__"] == "/metrics"
    assert found["labels"]["pod"] == "payments-1"


def test_a_missing_prometheus_program_says_what_to_do():
    with pytest.raises(NoPrometheusError, match=r"/nowhere/prometheus.*apt-get install prometheus"):
        find_program("/nowhere/prometheus")
