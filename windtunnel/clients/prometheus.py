"""Numbers from Prometheus, by an instant query."""

import math
from typing import Any

from windtunnel.clients.http import shown
from windtunnel.model.errors import ProbeError
from windtunnel.redaction import one_line

_LONGEST = 200


def one_number(url: str, query: str, *, timeout_s: float) -> float:
    """Ask for the value of *query* now.

    Raises:
        ProbeError: no answer, an error, no data, NaN, several series, or something that is no number; the
            message names the query and the URL.
    """
    where = f"query {_short(query)!r} to Prometheus at {shown(url)}"
    result = _ask(url, query, where, timeout_s)
    value = _single(result, where)
    if math.isnan(value):
        msg = f"{where}: the value is NaN, as of a ratio without traffic"
        raise ProbeError(msg)
    return value


def all_series(url: str, query: str, *, timeout_s: float) -> tuple[tuple[str, float], ...]:
    """Ask for every series of *query* now, each with its labels as Prometheus writes them.

    Raises:
        ProbeError: no answer, an error, no series, or something that is no instant vector or number.
    """
    where = f"query {_short(query)!r} to Prometheus at {shown(url)}"
    try:
        match _ask(url, query, where, timeout_s):
            case []:
                msg = f"{where}: no data; does the series exist, and does Prometheus scrape it?"
            case [int() | float(), str(text)]:
                return (("the value", float(text)),)
            case [{"value": _}, *_] as found:
                return tuple((_labels(series["metric"]), float(series["value"][1])) for series in found)
            case _:
                msg = f"{where}: the answer is no instant vector of numbers"
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        msg = f"{where}: the answer is no instant vector of numbers ({_short(repr(error))})"
    raise ProbeError(msg)


def _labels(metric: dict[str, str]) -> str:
    name = metric.get("__name__", "")
    labels = ", ".join(f'{key}="{value}"' for key, value in sorted(metric.items()) if key != "__name__")
    return f"{name}{{{labels}}}" if labels or not name else name


def _ask(url: str, query: str, where: str, timeout_s: float) -> Any:
    import requests
    from prometheus_api_client.exceptions import PrometheusApiClientException
    from prometheus_api_client.prometheus_connect import PrometheusConnect
    from urllib3.util import Retry

    with requests.Session() as session:
        session.trust_env = False  # a proxy of the environment is no part of what is looked at
        never = Retry(total=0, read=False)  # a retry would hide a rate of failures
        client = PrometheusConnect(url=url.rstrip("/"), session=session, retry=never)
        try:
            # requests, to which the timeout is handed on, takes fractions of a second
            return client.custom_query(query, timeout=timeout_s)  # type: ignore[arg-type]
        except PrometheusApiClientException as error:
            msg = f"{where}: {_short(str(error))}"
        except requests.exceptions.Timeout:
            msg = f"{where}: no answer within {timeout_s:g} s"
        except requests.exceptions.ConnectionError as error:
            cause = _short(str(error))
            msg = f"{where}: nothing answers there; is Prometheus up, and the address right? ({cause})"
            raise ProbeError(msg) from error
        except (requests.exceptions.RequestException, ValueError, KeyError, TypeError) as error:
            msg = f"{where}: the answer is not one of Prometheus ({_short(repr(error))})"
            raise ProbeError(msg) from error
    raise ProbeError(msg)


def _single(result: Any, where: str) -> float:
    match result:
        case []:
            msg = f"{where}: no data; does the series exist, and does Prometheus scrape it?"
        case [{"value": [_, str(text)]}] | [int() | float(), str(text)]:
            try:
                return float(text)
            except ValueError:
                msg = f"{where}: {_short(text)!r} is no number"
        case [{"values": _}, *_]:
            msg = f"{where}: a range was selected; a probe needs one number, as rate(...) or sum(...) give"
        case [_, _, *_]:
            msg = f"{where}: {len(result)} series; a probe needs exactly one, so sum or select"
        case _:
            msg = f"{where}: the answer is not a number"
    raise ProbeError(msg)


def _short(text: str) -> str:
    return one_line(text, _LONGEST)
