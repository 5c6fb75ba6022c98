"""Addresses of services: handed out from a /20, kept until the service is gone."""

import ipaddress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infra.lab.apiserver.store import Store

Object = dict[str, Any]

_FIRST_NODE_PORT = 30000
_LAST_NODE_PORT = 32767


class ServiceAddresses:
    """Allocates cluster IPs and node ports. What is in use is read from the services themselves."""

    def __init__(self, store: "Store", prefix: str) -> None:
        self._store = store
        self._network = ipaddress.ip_network(f"{prefix}.96.0/20")
        self._next = 10  # the first ten are for services that name their address

    def assign(self, service: Object) -> Object:
        """A new service with its cluster IP and node ports."""
        spec = dict(service["spec"])
        if spec.get("type") == "ExternalName":
            return service
        if not spec.get("clusterIP"):
            spec["clusterIP"] = self._free_address()
        spec["clusterIPs"] = spec.get("clusterIPs") or [spec["clusterIP"]]
        if spec.get("type") in {"NodePort", "LoadBalancer"}:
            spec["ports"] = self._with_node_ports(spec.get("ports") or [])
        return {**service, "spec": spec}

    def keep(self, old: Object, new: Object) -> Object:
        """An updated service with the addresses it had, where the update does not speak of them."""
        spec, was = dict(new["spec"]), old["spec"]
        if spec.get("type") == "ExternalName":
            return new
        if was.get("clusterIP") and not spec.get("clusterIP"):
            spec["clusterIP"], spec["clusterIPs"] = (
                was["clusterIP"],
                was.get("clusterIPs") or [was["clusterIP"]],
            )
        if spec.get("type") in {"NodePort", "LoadBalancer"}:
            given = {(one.get("name"), one["port"]): one.get("nodePort") for one in was.get("ports") or ()}
            known = [
                {**one, "nodePort": given[one.get("name"), one["port"]]}
                if not one.get("nodePort") and given.get((one.get("name"), one["port"]))
                else one
                for one in spec.get("ports") or []
            ]
            spec["ports"] = self._with_node_ports(known)
        return self.assign({**new, "spec": spec})

    def _free_address(self) -> str:
        used = self._used(lambda spec: [spec.get("clusterIP")])
        size = self._network.num_addresses - 2
        for _ in range(size):
            candidate = str(self._network[self._next])
            self._next = self._next % size + 1
            if candidate not in used:
                return candidate
        message = f"all {size} service addresses of {self._network} are in use"
        raise RuntimeError(message)

    def _with_node_ports(self, ports: list[Object]) -> list[Object]:
        used = self._used(lambda spec: [one.get("nodePort") for one in spec.get("ports") or ()])
        free = (port for port in range(_FIRST_NODE_PORT, _LAST_NODE_PORT + 1) if port not in used)
        return [one if one.get("nodePort") else {**one, "nodePort": next(free)} for one in ports]

    def _used(self, of: Any) -> set[Any]:
        services = self._store.collection("/services").select(None)
        return {value for _, service in services for value in of(service["spec"])}
