"""What a container of the lab gets as environment, and what an image name means there."""

import asyncio
import base64
from pathlib import Path

import pytest

from infra.lab.client import ApiError
from infra.lab.node import images
from infra.lab.node.environment import ConfigError, container_environment, expand, service_links
from infra.lab.node.spawner import Program

POD = {
    "metadata": {"name": "web-1", "namespace": "shop", "uid": "u-1", "labels": {"app": "web"}},
    "spec": {"nodeName": "worker-1", "containers": []},
}


class Store:
    """Config maps and secrets by path."""

    def __init__(self, **documents) -> None:
        self.documents = documents

    async def get(self, path: str, **_) -> dict:
        plural, name = path.split("/")[-2:]
        if name not in self.documents:
            raise ApiError({"code": 404, "reason": "NotFound", "message": f'{plural} "{name}" not found'})
        return {"data": self.documents[name]}


def environment_of(container: dict, services=(), **documents) -> dict[str, str]:
    return asyncio.run(
        container_environment(
            POD,
            container,
            api=Store(**documents),
            services=services,
            home=Path("/tmp/x"),
            address="127.64.16.2",
            node_ip="127.64.0.11",
        )
    )


def field(name: str, path: str) -> dict:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def test_every_container_knows_its_address_and_names():
    made = environment_of({})
    assert made["POD_IP"] == "127.64.16.2"
    assert made["HOSTNAME"] == made["POD_NAME"] == "web-1"


def test_the_downward_api_fills_variables():
    container = {
        "env": [
            field("NODE", "spec.nodeName"),
            field("HOST", "status.hostIP"),
            field("APP", "metadata.labels['app']"),
            {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "requests.cpu"}}},
        ],
        "resources": {"requests": {"cpu": "20m"}},
    }
    made = environment_of(container)
    assert (made["NODE"], made["HOST"], made["APP"], made["CPU"]) == ("worker-1", "127.64.0.11", "web", "20m")


def test_config_maps_and_secrets_fill_variables():
    key_refs = [
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "hidden", "key": "b"}}},
        {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "no", "optional": True}}},
    ]
    sources = [{"configMapRef": {"name": "settings"}, "prefix": "S_"}]
    secret = {"b": base64.b64encode(b"two").decode()}
    made = environment_of({"env": key_refs, "envFrom": sources}, settings={"a": "one"}, hidden=secret)
    assert (made["A"], made["B"], made["S_a"]) == ("one", "two", "one")
    assert "C" not in made


def test_a_missing_config_map_is_named():
    reference = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "a"}}}
    with pytest.raises(ConfigError, match='configmaps "settings" not found'):
        environment_of({"env": [reference]})


def test_a_missing_key_is_named():
    reference = {"name": "A", "valueFrom": {"secretKeyRef": {"name": "hidden", "key": "a"}}}
    with pytest.raises(ConfigError, match="couldn't find key a in Secret shop/hidden"):
        environment_of({"env": [reference]}, hidden={})


def test_variables_refer_to_those_before_them():
    container = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)-$(POD_IP)-$(NONE)-$$(A)"}]}
    assert environment_of(container)["B"] == "1-127.64.16.2-$(NONE)-$(A)"


def test_a_dollar_sign_alone_is_left_as_it_is():
    assert expand("$HOME and $5", {"HOME": "/root"}) == "$HOME and $5"


def test_services_with_an_address_become_service_links():
    services = [
        {
            "metadata": {"name": "shop-web"},
            "spec": {"clusterIP": "127.64.96.80", "ports": [{"name": "http", "port": 8080}]},
        },
        {"metadata": {"name": "db"}, "spec": {"clusterIP": "None", "ports": [{"port": 5432}]}},
    ]
    assert service_links(services) == {
        "SHOP_WEB_SERVICE_HOST": "127.64.96.80",
        "SHOP_WEB_SERVICE_PORT": "8080",
        "SHOP_WEB_SERVICE_PORT_HTTP": "8080",
    }


@pytest.mark.parametrize(
    "name",
    [
        "windtunnel.dev/shop-frontend:1",
        "windtunnel.dev/shop-payments",
        "localhost/agnhost:1",
        "registry.k8s.io/e2e-test-images/agnhost:2.53",
        "busybox",
        "docker.io/library/busybox:1.36@sha256:abc",
        "registry.k8s.io/pause:3.10",
        "localhost:5000/busybox:1",
    ],
)
def test_images_of_the_table_are_found_in_any_registry_and_tag(name):
    assert images.find(name) is not None


@pytest.mark.parametrize(
    "name", ["localhost/does-not-exist:1", "windtunnel.dev/shop-none:1", "nginx", "busybox2"]
)
def test_other_images_are_not_there(name):
    assert images.find(name) is None


def test_a_shop_image_runs_its_module():
    image = images.find("windtunnel.dev/shop-checkout:1")
    assert images.program(image, [], []) == Program((), "infra.lab.shop.checkout")


def test_args_replace_the_default_arguments_and_a_command_replaces_the_entrypoint():
    image = images.find("localhost/agnhost:1")
    module = images.AGNHOST_MODULE
    assert images.program(image, [], []) == Program(("pause",), module)
    assert images.program(image, [], ["netexec"]) == Program(("netexec",), module)
    assert images.program(image, ["/agnhost", "netexec"], ["--http-port", "80"]).argv == (
        "netexec",
        "--http-port",
        "80",
    )
    assert images.program(image, ["sh", "-c"], ["true"]) == Program(("sh", "-c", "true"))
