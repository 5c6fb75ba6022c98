"""Every kind of probe, and the sampler, against the shop of the whole lab."""

import threading
from collections import defaultdict

import pytest

from windtunnel.clients.cluster import connect
from windtunnel.clients.installation import cluster_entry, prometheus_url
from windtunnel.clock import SystemClock
from windtunnel.model.comparison import parse_comparison
from windtunnel.model.experiment import CommandProbe, HttpProbe, KubernetesProbe, Probe, PrometheusProbe
from windtunnel.model.policy import Policy
from windtunnel.probes import Answer, ProbeContext, look
from windtunnel.probes.sampler import Sampler

pytestmark = pytest.mark.lab

FRONT_PAGE = HttpProbe(url="http://frontend.shop.svc:8080/", within_s=5.0)
TRAFFIC = PrometheusProbe('sum(rate(http_requests_total{app="frontend"}[15s]))', parse_comparison("> 1"))


@pytest.fixture(scope="module")
def context(lab) -> ProbeContext:
    entry = cluster_entry(Policy(), "lab")
    url = prometheus_url(Policy(), entry)
    return ProbeContext(cluster=connect(entry), prometheus_url=url, namespace="shop")


@pytest.fixture
def asked(context):
    return lambda kind: look(Probe("probe", kind), context, SystemClock())


def test_the_front_page_answers_under_its_name_in_the_cluster(asked, eventually):
    answer = eventually(lambda: hit(asked(FRONT_PAGE)))  # the shop has a real weakness, now and then
    assert answer.value > 0


def test_the_long_form_of_the_name_works_too(asked, eventually):
    probe = HttpProbe(url="http://frontend.shop.svc.cluster.local:8080/")
    eventually(lambda: hit(asked(probe)))


def test_a_service_that_does_not_exist_is_no_answer(asked):
    answer = asked(HttpProbe(url="http://backend.shop.svc:8080/"))
    assert answer.ok is None
    assert "there is no service backend in shop" in answer.error


def test_prometheus_shows_the_customers(asked, eventually):
    answer = eventually(lambda: hit(asked(TRAFFIC)), within_s=40)
    assert answer.value > 1
    assert asked(PrometheusProbe("no_such_series", parse_comparison("> 0"))).error.count("no data") == 1
    assert "series" in asked(PrometheusProbe("up", parse_comparison("> 0"))).error
    assert asked(PrometheusProbe("sum(", parse_comparison("> 0"))).ok is None


def test_workloads_pods_nodes_and_conditions_are_read(asked, eventually):
    eventually(lambda: asked(KubernetesProbe("deployment/checkout")).ok, within_s=60)
    assert asked(KubernetesProbe("deployment/checkout", ready=parse_comparison(">= 3"))).value == 3.0
    assert asked(KubernetesProbe("deployment/checkout", condition="Available")).ok is True
    assert asked(KubernetesProbe("pods", selector="app=checkout")).ok is True
    assert asked(KubernetesProbe("nodes", selector="kubernetes.io/hostname", condition="Ready")).ok is True
    assert asked(KubernetesProbe("deployment/chekout")).ok is None


def test_a_command_runs(asked):
    assert asked(CommandProbe(("true",))).ok is True


def test_all_kinds_sample_in_parallel_at_ten_a_second_each(context):
    samples, lock = defaultdict(list), threading.Condition()

    def add(sample) -> None:
        with lock:
            samples[sample.probe].append(sample)
            lock.notify_all()

    kinds = {
        "http": FRONT_PAGE,
        "prometheus": PrometheusProbe("sum(up)", parse_comparison(">= 1")),
        "kubernetes": KubernetesProbe("deployment/frontend", ready=parse_comparison(">= 1")),
    }
    probes = [Probe(name, kind, interval_s=0.1) for name, kind in kinds.items()]
    sampler = Sampler(probes, lambda probe: look(probe, context, SystemClock()), SystemClock(), add)
    sampler.start()
    with lock:
        assert lock.wait_for(lambda: all(len(samples[name]) >= 30 for name in kinds), timeout=60)
    sampler.stop()
    assert sampler.error is None
    for name, seen in samples.items():
        unanswered = [sample.error for sample in seen if sample.ok is None]
        assert unanswered == [], name


def hit(answer: Answer) -> Answer | None:
    return answer if answer.ok else None
