"""The recorder, used as the product uses the real services: slack-sdk and plain HTTP."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import requests
from slack_sdk import WebClient, WebhookClient
from slack_sdk.errors import SlackApiError

from infra.lab.recorder.app import Recorder
from infra.lab.recorder.block_page import blocks_html
from infra.lab.recorder.mrkdwn import to_html
from infra.lab.serving import serve_app

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20


async def serve_until(port: int, stop: threading.Event) -> None:
    serving = asyncio.ensure_future(serve_app(Recorder().app(), host="127.0.0.1", port=port))
    await asyncio.to_thread(stop.wait)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    stop = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve_until(port, stop)))
    thread.start()
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    stop.set()
    thread.join(10)


@pytest.fixture
def recorder(server: str) -> str:
    requests.delete(f"{server}/messages.json", timeout=5)
    requests.delete(f"{server}/fail", timeout=5)
    return server


@pytest.fixture
def slack(recorder: str) -> WebClient:
    return WebClient(token="xoxb-lab", base_url=f"{recorder}/slack/api/")


def kept(recorder: str, **query: str) -> dict:
    return requests.get(f"{recorder}/messages.json", params=query, timeout=5).json()


def section(text: str) -> dict:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def test_a_thread_is_posted_answered_updated_and_read_back(slack: WebClient, recorder: str):
    first = slack.chat_postMessage(
        channel="#resilience", text="run started", blocks=[section("*run* started")]
    )
    slack.chat_postMessage(channel=first["channel"], thread_ts=first["ts"], text="injected")
    slack.chat_update(
        channel=first["channel"], ts=first["ts"], text="run passed", blocks=[section("*passed*")]
    )
    slack.reactions_add(channel=first["channel"], timestamp=first["ts"], name="white_check_mark")

    thread = slack.conversations_replies(channel=first["channel"], ts=first["ts"])["messages"]
    assert [message["text"] for message in thread] == ["run passed", "injected"]
    assert thread[0]["reactions"] == [{"name": "white_check_mark", "count": 1}]
    messages = kept(recorder, channel="#resilience")["slack"]
    assert [m["text"] for m in messages[0]["before"]] == ["run started"]
    assert kept(recorder, channel="#other")["slack"] == []


def test_the_token_is_asked_for_and_known_methods_only(slack: WebClient, recorder: str):
    assert slack.auth_test()["user"] == "windtunnel"
    anonymous = requests.post(f"{recorder}/slack/api/auth.test", timeout=5).json()
    assert anonymous == {"ok": False, "error": "not_authed"}
    with pytest.raises(SlackApiError, match="unknown_method"):
        slack.api_call("chat.shout")


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        ("no_text", {"channel": "#c"}),
        ("channel_not_found", {"channel": "C0123456789", "text": "hello"}),
        ("msg_too_long", {"channel": "#c", "text": "x" * 40_001}),
        ("invalid_blocks", {"channel": "#c", "blocks": [section("x" * 3001)]}),
        ("invalid_blocks", {"channel": "#c", "blocks": [{"type": "fancy"}]}),
        ("invalid_blocks", {"channel": "#c", "blocks": [section("x")] * 51}),
        ("invalid_blocks", {"channel": "#c", "blocks": [{"type": "image", "image_url": "http://x/y.png"}]}),
    ],
)
def test_what_slack_refuses_is_refused(slack: WebClient, error: str, arguments: dict):
    with pytest.raises(SlackApiError) as refusal:
        slack.api_call("chat.postMessage", json=arguments)

    assert refusal.value.response["error"] == error


def test_a_refused_block_is_pointed_at(slack: WebClient):
    header = {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}
    with pytest.raises(SlackApiError) as refusal:
        slack.chat_postMessage(channel="#c", text="fine", blocks=[section("fine"), header])

    assert refusal.value.response["errors"] == [
        "[ERROR] must be less than 151 characters [json-pointer:/blocks/1/text/text]"
    ]


def test_only_posting_takes_the_name_of_a_channel(slack: WebClient):
    posted = slack.chat_postMessage(channel="#c", text="hello")
    with pytest.raises(SlackApiError, match="channel_not_found"):
        slack.chat_update(channel="#c", ts=posted["ts"], text="changed")


def test_a_file_is_uploaded_and_shown_in_its_thread(slack: WebClient, recorder: str):
    first = slack.chat_postMessage(channel="#c", text="look")
    shared = slack.files_upload_v2(
        content=PNG, filename="chart.png", title="The dip", channel=first["channel"], thread_ts=first["ts"]
    )

    (message,) = [m for m in kept(recorder)["slack"] if m["files"]]
    assert message["thread_ts"] == first["ts"]
    answer = requests.get(message["files"][0]["url_private"], timeout=5)
    assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")
    assert shared["file"]["title"] == "The dip"
    assert "The dip" in requests.get(recorder, timeout=5).text


def test_an_incoming_webhook_says_ok_or_why_not(recorder: str):
    hook = WebhookClient(f"{recorder}/slack/webhook/T0/B0/secret")

    assert hook.send(text="hello").body == "ok"
    assert (hook.send(text="").status_code, hook.send(text="").body) == (400, "no_text")
    assert kept(recorder, channel="webhook")["slack"][0]["text"] == "hello"


def test_slack_can_be_made_to_refuse_a_number_of_calls(slack: WebClient, recorder: str):
    requests.post(f"{recorder}/fail", json={"slack": 2, "status": 429, "retry_after": 1}, timeout=5)
    for _ in range(2):
        with pytest.raises(SlackApiError) as refusal:
            slack.auth_test()
        assert (refusal.value.response.status_code, refusal.value.response["error"]) == (429, "ratelimited")
        assert refusal.value.response.headers["retry-after"] == "1"

    assert slack.auth_test()["ok"]
    assert len(kept(recorder)["refused"]) == 2


def test_slack_can_be_made_to_refuse_in_its_own_words_until_cleared(slack: WebClient, recorder: str):
    requests.post(f"{recorder}/fail", json={"slack": -1, "error": "channel_not_found"}, timeout=5)
    for _ in range(3):
        with pytest.raises(SlackApiError, match="channel_not_found"):
            slack.chat_postMessage(channel="#c", text="hello")
    assert requests.get(f"{recorder}/fail", timeout=5).json()["slack"]["left"] == -1
    requests.delete(f"{recorder}/fail", timeout=5)

    assert slack.chat_postMessage(channel="#c", text="hello")["ok"]


@pytest.mark.parametrize("body", [{"slak": 1}, {"status": 500}, [], {"slack": "many"}])
def test_a_knob_that_makes_no_sense_is_explained(recorder: str, body: object):
    answer = requests.post(f"{recorder}/fail", json=body, timeout=5)

    assert answer.status_code == 400
    assert "slack" in answer.text or "numbers" in answer.text


def test_an_event_becomes_an_incident_and_is_resolved_by_its_key(recorder: str):
    event = {
        "routing_key": ROUTING_KEY,
        "event_action": "trigger",
        "payload": {"summary": "checkout is down", "source": "windtunnel", "severity": "critical"},
    }
    answer = requests.post(f"{recorder}/pagerduty/v2/enqueue", json=event, timeout=5)
    assert (answer.status_code, answer.json()["status"]) == (202, "success")
    rest = {"Authorization": "Token token=lab"}
    asked = {"statuses[]": ["triggered", "acknowledged"], "service_ids[]": "PLAB001"}
    url = f"{recorder}/pagerduty/incidents"
    (incident,) = requests.get(url, params=asked, headers=rest, timeout=5).json()["incidents"]
    assert (incident["title"], incident["urgency"]) == ("checkout is down", "high")

    resolve = {"routing_key": ROUTING_KEY, "event_action": "resolve", "dedup_key": answer.json()["dedup_key"]}
    requests.post(f"{recorder}/pagerduty/v2/enqueue", json=resolve, timeout=5)
    assert requests.get(url, params=asked, headers=rest, timeout=5).json()["incidents"] == []


def test_pagerduty_refuses_bad_events_and_missing_tokens(recorder: str):
    answer = requests.post(f"{recorder}/pagerduty/v2/enqueue", json={"event_action": "trigger"}, timeout=5)

    assert (answer.status_code, answer.json()["status"]) == (400, "invalid event")
    assert any("routing_key" in problem for problem in answer.json()["errors"])
    assert requests.get(f"{recorder}/pagerduty/incidents", timeout=5).status_code == 401


def test_alerts_fire_match_and_end(recorder: str):
    url = f"{recorder}/alertmanager/api/v2/alerts"
    alert = {
        "labels": {"alertname": "CheckoutDown", "severity": "critical"},
        "annotations": {"summary": "down"},
    }
    assert requests.post(url, json=[alert], timeout=5).status_code == 200

    def firing(*filters: str) -> list[str]:
        found = requests.get(url, params={"filter": list(filters)}, timeout=5).json()
        return [item["labels"]["alertname"] for item in found]

    assert firing('severity="critical"') == firing('alertname=~"Check.*"') == firing() == ["CheckoutDown"]
    assert firing('severity!="critical"') == []
    requests.post(url, json=[{**alert, "endsAt": "2020-01-01T00:00:00Z"}], timeout=5)
    assert firing() == []


@pytest.mark.parametrize(
    "body", [{"labels": {}}, [{"labels": {}}], [{}], ["x"], [{"labels": {"a": "b"}, "endsAt": "x"}]]
)
def test_alertmanager_refuses_what_is_no_alert(recorder: str, body: object):
    assert requests.post(f"{recorder}/alertmanager/api/v2/alerts", json=body, timeout=5).status_code == 400
    bad = requests.get(f"{recorder}/alertmanager/api/v2/alerts", params={"filter": "severity"}, timeout=5)
    assert bad.status_code == 400
    assert (
        requests.get(f"{recorder}/alertmanager/api/v2/status", timeout=5).json()["cluster"]["status"]
        == "ready"
    )


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* _soft_ ~gone~ `code`", "<b>bold</b> <i>soft</i> <s>gone</s> <code>code</code>"),
        ("5 * 3 * 2 and snake_case_name", "5 * 3 * 2 and snake_case_name"),
        ("a &lt; b &amp; c", "a &lt; b &amp; c"),
        ("<script>alert(1)</script>", "script (/script)"),
        (":tornado: :unheard-of:", "🌪️ :unheard-of:"),
        ("> said", "<blockquote>said</blockquote>"),
    ],
)
def test_mrkdwn_is_shown_as_slack_shows_it(text: str, html: str):
    shown = to_html(text)

    assert "<script" not in shown
    if not text.startswith("<script"):
        assert shown == html


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x"])
def test_only_web_addresses_become_links(address: str):
    button = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "url": address}

    assert "href" not in to_html(f"<{address}|here>")
    assert "href" not in blocks_html([{"type": "actions", "elements": [button]}])
    assert 'href="https://x/y?a=1&amp;b=2"' in to_html("<https://x/y?a=1&amp;b=2|here>")


def test_an_empty_recorder_says_how_to_fill_it(recorder: str):
    assert "Nothing was sent yet" in requests.get(recorder, timeout=5).text


def test_an_unknown_block_is_shown_as_it_is():
    assert "video block" in blocks_html([{"type": "video", "title": "x"}])
