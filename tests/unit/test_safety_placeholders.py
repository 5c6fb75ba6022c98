"""What stands for a secret in a file: three sources, and what is said where one has nothing."""

import base64

import pytest

from tasks.needed_rights import needed_rights
from tasks.secret_values import from_cluster, from_prefect
from tests.unit.loopback import Told, answering
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.connection import Connection, Timeouts
from windtunnel.clock import SystemClock
from windtunnel.files import FileError, parse_experiment
from windtunnel.files.reading import refuse_secrets
from windtunnel.model.experiment import HttpProbe, Probe
from windtunnel.model.placeholder import Placeholder, Source, placeholders_in
from windtunnel.model.policy import Policy
from windtunnel.probes import ProbeContext, look
from windtunnel.redaction import learn, redact

BLOCK, ON_CLUSTER = "canary-in-a-block", "canary-on-the-cluster"
EXPERIMENT = """
experiment: one
hypothesis: All is well.
owner: nobody
target: {cluster: lab, namespace: shop, workload: deployment/payments}
steady_state:
  - name: asks
    http: {url: "http://127.0.0.1:1/", headers: {Authorization: "HEADER"}}
faults: [deployment-scale: {by: 1}]
duration: 1s
recover_within: 1s
"""


def experiment(header: str):
    return parse_experiment(EXPERIMENT.replace("HEADER", header), "experiment.yaml")


def kubernetes_of(url: str) -> Cluster:
    from kubernetes.client import ApiClient, Configuration

    configuration = Configuration(host=url)
    configuration.retries = False
    return Cluster(Connection(ApiClient(configuration), "test", Timeouts(tries=1)))


def server(path: str, *_: object) -> Told:
    if path == "/api/v1/namespaces/shop/secrets/keys":
        return Told(
            body={"data": {"token": base64.b64encode(ON_CLUSTER.encode()).decode(), "raw": "//79/A=="}}
        )
    if path.endswith("/name/shop"):
        ids = {"id": "00000000-0000-0000-0000-000000000001", "name": "shop", "data": {"value": BLOCK}}
        return Told(body={**ids, "block_schema_id": ids["id"], "block_type_id": ids["id"]})
    return Told(status=404, body={"message": "not found"})


def test_each_form_names_its_source():
    text = "a ${A_1} b ${secret:shop-token} c ${kubernetes:shop/keys.v1/api_token} ${A_1}"
    assert placeholders_in(text) == (
        Placeholder(Source.ENVIRONMENT, "A_1"),
        Placeholder(Source.PREFECT, "shop-token"),
        Placeholder(Source.KUBERNETES, "shop/keys.v1/api_token"),
    )


@pytest.mark.parametrize(
    "broken",
    [
        "${secret:}",
        "${secret:Shop}",
        "${kubernetes:shop/keys}",
        "${kubernetes:a/b/c/d}",
        "${vault:a}",
        "${1}",
    ],
)
def test_what_is_no_placeholder_is_refused_with_all_three_forms(broken):
    with pytest.raises(FileError, match=r"broken placeholder; write \$\{NAME\} .* \$\{secret:BLOCK\}"):
        experiment(f"Bearer ${{A}} {broken}")


def test_a_secret_of_the_cluster_fills_a_header_and_is_redacted():
    wanted = experiment("Bearer ${kubernetes:shop/keys/token}")
    with answering(server) as url:
        secrets = from_cluster(wanted, kubernetes_of(url))
    assert list(secrets.values()) == [ON_CLUSTER]
    assert redact(f"it is {ON_CLUSTER}") == "it is ***"


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("shop/keys/other", "secret/keys in shop has no key other"),
        ("shop/none/token", "there is no secret/none in shop"),
        ("shop/keys/raw", "the key raw of secret/keys in shop is no text"),
    ],
)
def test_a_secret_of_the_cluster_that_is_not_there_is_no_answer(reference, why):
    header = f"Bearer ${{kubernetes:{reference}}}"
    with answering(server) as url:
        secrets = from_cluster(experiment(header), kubernetes_of(url))
    probe = Probe("p", HttpProbe("http://127.0.0.1:1/", headers={"Authorization": header}))
    answer = look(probe, ProbeContext(secrets=secrets), SystemClock())
    assert answer.ok is None
    assert why in answer.error


@pytest.fixture
def prefect_api():
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with answering(server) as url, temporary_settings({PREFECT_API_URL: url}):
        yield url


def test_a_secret_block_of_prefect_fills_a_header_and_is_redacted(prefect_api):
    assert list(from_prefect(experiment("Bearer ${secret:shop}")).values()) == [BLOCK]
    assert redact(f"it is {BLOCK}") == "it is ***"


def test_a_secret_block_that_is_not_there_is_named(prefect_api):
    (why,) = from_prefect(experiment("Bearer ${secret:other}")).values()
    assert "Prefect has no Secret block other" in str(why)


def test_a_run_that_takes_a_secret_of_the_cluster_needs_the_right_to_get_it():
    grants = needed_rights(experiment("${kubernetes:vault/keys/token}"), Policy())
    assert [(rule.verbs, where) for rule, where in grants if rule.resources == ("secrets",)] == [
        (("get",), "vault")
    ]


def test_a_file_with_a_known_secret_in_it_is_refused_by_line_and_without_the_value():
    learn("canary-in-a-file")
    with pytest.raises(FileError) as refused:
        refuse_secrets("a: 1\nb: canary-in-a-file\n", "experiment.yaml")
    assert str(refused.value).startswith("experiment.yaml:2:1: holds the value of a secret")
    assert "canary" not in str(refused.value)


def test_neither_a_run_nor_a_plan_takes_a_file_with_a_known_secret_in_it(tmp_path):
    from windtunnel.cli.run import read_files

    learn("canary-in-an-owner")
    file = tmp_path / "experiment.yaml"
    file.write_text(EXPERIMENT.replace("nobody", "canary-in-an-owner"))
    with pytest.raises(FileError, match=r"experiment.yaml:4:1: holds the value of a secret"):
        read_files(file, None)
