"""The lab's manifests, read as the API server gets them."""

from collections import Counter

import pytest

from infra.lab.shop_deployment import COLLECTIONS, manifests

SERVICES = ("catalog", "checkout", "frontend", "payments")


@pytest.fixture(scope="module")
def objects() -> dict[tuple[str, str], dict]:
    found = list(manifests("127.70", replicas=2))
    return {(item["kind"], item["metadata"]["name"]): item for item in found}


def container(objects: dict, name: str) -> dict:
    (only,) = objects["Deployment", name]["spec"]["template"]["spec"]["containers"]
    return only


def environment(objects: dict, name: str) -> dict[str, str]:
    return {item["name"]: item.get("value", "") for item in container(objects, name)["env"]}


def test_there_is_a_collection_for_every_object(objects):
    kinds = Counter(kind for kind, _ in objects)

    assert set(kinds) <= set(COLLECTIONS)
    assert kinds == {
        "Namespace": 2,
        "ServiceAccount": 5,
        "Service": 4,
        "Deployment": 4,
        "PodDisruptionBudget": 1,
    }


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_reaches_the_pods_of_its_deployment(objects, name):
    service, deployment = objects["Service", name], objects["Deployment", name]
    template = deployment["spec"]["template"]

    assert deployment["spec"]["replicas"] == 2
    assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
    assert service["spec"]["clusterIP"].startswith("127.70.96.")
    assert template["metadata"]["annotations"]["prometheus.io/scrape"] == "true"
    assert container(objects, name)["image"] == f"windtunnel.dev/shop-{name}:1"


def test_the_services_find_each_other_at_their_fixed_addresses(objects):
    address = {name: f"http://{objects['Service', name]['spec']['clusterIP']}:8080" for name in SERVICES}

    assert environment(objects, "frontend")["CATALOG_URL"] == address["catalog"]
    assert environment(objects, "frontend")["CHECKOUT_URL"] == address["checkout"]
    assert environment(objects, "checkout")["PAYMENTS_URL"] == address["payments"]
    assert address["frontend"] == "http://127.70.96.80:8080"


def test_the_weakness_is_a_probe_that_says_yes_too_early(objects):
    probes = {name: container(objects, name)["readinessProbe"]["httpGet"]["path"] for name in SERVICES}

    assert set(probes.values()) == {"/readyz"}
    assert environment(objects, "catalog")["CATALOG_WARM_UP_SECONDS"] == "6"
    assert "CATALOG_RETRIES" not in environment(objects, "frontend")


def test_one_checkout_pod_at_a_time_may_be_evicted(objects):
    assert objects["PodDisruptionBudget", "checkout"]["spec"]["maxUnavailable"] == 1
    assert objects["Namespace", "shop"]["metadata"]["labels"] == {"windtunnel.dev/enabled": "true"}
