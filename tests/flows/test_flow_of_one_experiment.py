"""One experiment, end to end: a real Prefect server, the lab, a verdict that the record proves.

Each test starts from an experiment that passes and changes one thing; after each, nothing may be left
injected (the fixture `run` checks that).
"""

import threading

import httpx
import pytest

pytestmark = [pytest.mark.lab, pytest.mark.prefect]


def test_an_experiment_whose_hypothesis_holds_passes(run, written):
    outcome = run(written())
    assert outcome.judgement.verdict == "passed"
    assert outcome.judgement.undo == "clean"
    assert (outcome.state.name, outcome.state.type) == ("Passed", "COMPLETED")
    assert outcome.kinds.index("undo.ticket") < outcome.kinds.index("fault.injecting")
    assert outcome.kinds[-1] == "run.finished"


def test_the_run_and_its_artifact_are_in_the_prefect_ui(run, written, prefect_server):
    outcome = run(written())
    flow_run_id = str(outcome.state.state_details.flow_run_id)
    seen = httpx.get(f"{prefect_server}/flow_runs/{flow_run_id}").json()
    assert (seen["name"], seen["state"]["name"]) == (f"payments-scaled {outcome.summary.run_id}", "Passed")
    asked = {"artifacts": {"flow_run_id": {"any_": [flow_run_id]}}}
    artifacts = httpx.post(f"{prefect_server}/artifacts/filter", json=asked).json()
    assert any("payments-scaled" in artifact["data"] for artifact in artifacts)


def test_a_pod_that_is_deleted_is_replaced_and_the_time_is_measured(run, written):
    outcome = run(written(fault="pod-delete: {count: 1, grace: 1s}", duration="5s"), policy=loose())
    assert outcome.judgement.verdict == "passed"
    assert 0 < outcome.judgement.recovery.workload_ready_s < 5


def test_the_same_seed_chooses_the_same_victim(run, written):
    text = written(fault="pod-delete: {count: 1}", url="http://nobody.shop.svc:1/")
    first, second = run(text, seed=7), run(text, seed=7)
    assert chosen(first) == chosen(second)
    assert "fault.injected" not in first.kinds


def test_a_steady_state_that_breaks_deviates(run, written):
    probe = (
        "  - {name: few, kubernetes: deployment/payments, namespace: shop, expect: '<= 3', interval: 100ms}"
    )
    outcome = run(written(probes=probe, duration="4s"))
    assert outcome.judgement.verdict == "deviated"
    assert "few missed" in outcome.judgement.reason
    assert outcome.state.name == "Deviated"
    assert outcome.state.type == "FAILED"


def test_an_abort_condition_stops_the_run_and_undoes_it(run, written):
    probe = (
        "  - {name: few, kubernetes: deployment/payments, namespace: shop, expect: '< 9', interval: 100ms}"
    )
    outcome = run(written(probes=probe, abort_when="few > 3", duration="60s"))
    assert outcome.judgement.verdict == "aborted"
    assert "few is 4" in outcome.judgement.findings[0]
    assert outcome.kinds.index("run.abort") < outcome.kinds.index("undo.started")


def test_pulling_the_lever_stops_a_running_experiment(run, written, cluster):
    from windtunnel.clients import halt
    from windtunnel.clock import SystemClock

    pull = threading.Timer(
        3, halt.pull, [cluster], {"reason": "a test", "by": "ana", "now": SystemClock().now()}
    )
    pull.start()
    try:
        outcome = run(written(duration="60s"))
    finally:
        pull.join()
        halt.release(cluster)
    assert outcome.judgement.verdict == "aborted"
    assert "pulled by ana: a test" in outcome.judgement.findings[0]


def test_a_pulled_lever_blocks_a_new_run(run, written, cluster):
    from windtunnel.clients import halt
    from windtunnel.clock import SystemClock

    halt.pull(cluster, reason="a test", by="ana", now=SystemClock().now())
    try:
        outcome = run(written())
    finally:
        halt.release(cluster)
    assert outcome.judgement.verdict == "blocked"
    assert "a test" in outcome.judgement.findings[0]
    assert outcome.state.name == "Blocked"
    assert "undo.ticket" not in outcome.kinds


def test_every_objection_is_reported_not_only_the_first(run, written):
    policy = "caps: {pods: 1, percent: 10, duration: 1s}\nprotect: {namespaces: [shop]}\nopt_in: chaos=yes\n"
    fault = "pod-delete: {count: 3}"
    outcome = run(written(fault=fault, duration="5s"), policy=policy)
    assert outcome.judgement.verdict == "blocked"
    assert {finding.split(":")[0] for finding in outcome.judgement.findings} == {
        "protected",
        "opt_in",
        "caps",
        "last_replica",
    }


def test_a_target_held_by_another_run_blocks_and_names_the_holder(run, written, cluster):
    from windtunnel.clients.holding import hold
    from windtunnel.model.claim import Claim

    with hold(cluster, [Claim("shop/deployment/payments")], "another-run"):
        outcome = run(written(), policy="caps: {concurrent_runs: 5}\n")
    assert outcome.judgement.verdict == "blocked"
    assert "another-run" in outcome.judgement.reason


def test_a_dependency_on_which_another_run_is_at_work_blocks(run, written, cluster):
    from windtunnel.clients.holding import hold
    from windtunnel.model.claim import Claim

    text = written() + "dependencies: [deployment/catalog]\n"
    with hold(cluster, [Claim("shop/deployment/catalog")], "another-run"):
        outcome = run(text, policy="caps: {concurrent_runs: 5}\n")
    assert outcome.judgement.verdict == "blocked"
    assert "deployment/catalog is held by another-run until" in outcome.judgement.reason


@pytest.mark.parametrize("rule", ["min_interval: 8h", "caps: {runs_per_day: 1}"])
def test_a_second_run_too_soon_is_blocked_and_not_counted(run, written, cluster, no_history, rule):
    first, second, third = (run(written(), policy=f"{rule}\n") for _ in range(3))
    assert first.judgement.verdict == "passed"
    assert [after.judgement.verdict for after in (second, third)] == ["blocked", "blocked"]
    assert "frequency" in str(second.judgement.findings)
    assert "fault.injecting" not in second.kinds + third.kinds
    assert no_history() == [first.summary.run_id]


def test_a_run_that_cannot_be_counted_injects_nothing(run, written, cluster, no_history):
    body = {"metadata": {"name": "history"}, "data": {"runs": "nonsense"}}
    cluster.create("ConfigMap", body, "windtunnel")
    outcome = run(written())
    assert outcome.judgement.verdict == "not_tested"
    assert "configmap/history in windtunnel" in outcome.judgement.reason
    assert not {"undo.ticket", "fault.injecting"} & set(outcome.kinds)


def test_what_another_run_counted_meanwhile_is_seen_before_the_change(run, written, no_history, monkeypatch):
    from tasks import inject
    from windtunnel.clients import history
    from windtunnel.model.history import PastRun

    recheck = inject.recheck

    def checked(live):
        refusal, now = recheck(live), live.clock.now()
        past = PastRun("another-run", now)
        history.change(live.cluster, live.clock, lambda known: known.including(past, now=now))
        return refusal

    monkeypatch.setattr(inject, "recheck", checked)
    outcome = run(written(), policy="caps: {runs_per_day: 1}\n")
    assert outcome.judgement.verdict == "blocked"
    assert "would be run 2 of" in outcome.judgement.reason
    assert not {"undo.ticket", "fault.injecting"} & set(outcome.kinds)
    assert no_history() == ["another-run"]


@pytest.mark.parametrize(
    ("changes", "verdict", "says"),
    [
        ({"namespace": "nowhere"}, "not_tested", "namespace 'nowhere' does not exist"),
        ({"workload": "deployment/ghost"}, "not_tested", "ghost does not exist in shop"),
        ({"url": "http://nobody.shop.svc:1/"}, "inconclusive", "nobody"),
        ({"fault": "deployment-scale: {replicas: 3}"}, "not_tested", "3 replicas already"),
    ],
)
def test_what_is_not_there_is_named_and_nothing_is_injected(run, written, changes, verdict, says):
    outcome = run(written(**changes))
    assert outcome.judgement.verdict == verdict
    assert says in outcome.judgement.reason
    assert "fault.injecting" not in outcome.kinds


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("absent_metric", "no data"),
        ("http_requests_total", "series"),
        ("sum(", "bad_data|parse|expected|unclosed"),
    ],
)
def test_a_query_without_one_number_is_inconclusive(run, written, query, says):
    import re

    probe = f"  - {{name: q, prometheus: '{query}', expect: '> 0', interval: 200ms}}"
    outcome = run(written(probes=probe))
    assert outcome.judgement.verdict == "inconclusive"
    assert re.search(says, outcome.judgement.reason)
    assert "fault.injecting" not in outcome.kinds


def test_a_prometheus_that_is_down_is_inconclusive_and_named(run, written):
    probe = "  - {name: q, prometheus: up, expect: '> 0', interval: 200ms}"
    outcome = run(written(probes=probe), policy="prometheus: {url: 'http://127.0.0.1:9'}\n")
    assert outcome.judgement.verdict == "inconclusive"
    assert "http://127.0.0.1:9" in outcome.judgement.reason
    assert "fault.injecting" not in outcome.kinds


def test_a_probe_that_hangs_is_inconclusive_and_delays_nobody(run, written):
    probe = "  - {name: slow, command: [sleep, '30'], interval: 200ms, timeout: 500ms}"
    outcome = run(written(probes=probe))
    assert outcome.judgement.verdict == "inconclusive"
    assert "slow" in outcome.judgement.reason


def test_a_slack_that_refuses_is_on_record_and_changes_nothing(run, written, lab):
    httpx.post(f"{lab['recorder']}/fail", json={"slack": 50, "status": 500})
    try:
        outcome = run(written(), policy="slack: {channel: '#resilience'}\n")
    finally:
        httpx.post(f"{lab['recorder']}/fail", json={"slack": 0})
    assert outcome.judgement.verdict == "passed"
    assert "notify.failed" in outcome.kinds


def test_slack_is_told_in_one_thread(run, written, lab):
    outcome = run(written(), policy="slack: {channel: '#resilience'}\n")
    messages = httpx.get(f"{lab['recorder']}/messages.json").json()["slack"]
    first = next(message for message in messages if outcome.summary.run_id in str(message["blocks"]))
    thread = [message["text"] for message in messages if message["thread_ts"] == first["ts"]]
    assert first["text"].startswith("payments-scaled: passed.")
    assert thread[0].startswith("Scaled deployment/payments")
    assert thread[-1].startswith("payments-scaled: passed.")


def test_unusable_input_is_refused_before_anything_is_recorded(run, written):
    from windtunnel.ledger import open_ledger
    from windtunnel.model.errors import InputError

    with open_ledger() as ledger:
        before = ledger.runs()
    with pytest.raises(InputError, match="durration"):
        run(written().replace("duration", "durration"))
    with open_ledger() as ledger:
        assert ledger.runs() == before


def chosen(outcome):
    return next(event.data["chosen"] for event in outcome.record.events if event.kind == "run.targets")


def loose():
    return "caps: {pods: 1, percent: 50}\n"
