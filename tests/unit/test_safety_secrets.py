"""A secret that goes into a request comes out in no message, whatever fails."""

import pytest

from windtunnel.clients.http import shown
from windtunnel.clock import SystemClock
from windtunnel.model.comparison import parse_comparison
from windtunnel.model.experiment import HttpProbe, Probe, PrometheusProbe
from windtunnel.probes import ProbeContext, look

SECRET = "s3cr3t-of-the-test"


def told(probe, **context):
    return repr(look(Probe("p", probe, timeout_s=1.0), ProbeContext(**context), SystemClock()))


@pytest.mark.parametrize("value", [f"{SECRET}\n", f" {SECRET}", f"{SECRET}\r\nX: y", f"{SECRET}\u20ac"])
def test_a_header_that_cannot_be_sent_is_named_without_its_value(value):
    probe = HttpProbe("http://127.0.0.1:9/", headers={"Authorization": "${TOKEN}"})
    answer = told(probe, environ={"TOKEN": value})
    assert "ok=None" in answer
    assert SECRET not in answer


@pytest.mark.parametrize(
    "url",
    [
        f"http://user:{SECRET}@nobody.invalid/",
        f"http://user:{SECRET}@[bad/",
        f"http://user:{SECRET}@127.0.0.1:99999/",
        f"http://127.0.0.1:99999/?token={SECRET}",
        f"ftp://user:{SECRET}@127.0.0.1/",
    ],
)
def test_an_address_is_shown_without_its_password_and_its_query(url):
    assert SECRET not in told(HttpProbe(url))


def test_the_address_of_a_prometheus_is_shown_without_its_password():
    probe = PrometheusProbe("up", parse_comparison("> 0"))
    answer = told(probe, prometheus_url=f"http://user:{SECRET}@127.0.0.1:9")
    assert "http://***@127.0.0.1:9" in answer
    assert SECRET not in answer


def test_what_is_no_secret_stays_readable():
    assert shown("http://shop:8080/a/b@c") == "http://shop:8080/a/b@c"
    assert shown("ask http://u:p@shop/x?y=1 again") == "ask http://***@shop/x?... again"
