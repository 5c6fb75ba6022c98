"""All that a run needs of a cluster: to look, to inject, to undo, and to keep its own objects."""

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from tasks.blast_radius import READS
from tasks.freeze_facts import freeze_rules
from windtunnel.clients.kinds import resource
from windtunnel.clients.own_namespace import NAMESPACE
from windtunnel.faults import load_fault
from windtunnel.faults.rights import OWN
from windtunnel.faults.shape import Rule
from windtunnel.model.experiment import Experiment, HttpProbe, KubernetesProbe
from windtunnel.model.placeholder import Source, placeholders_of
from windtunnel.model.policy import Policy

Grant = tuple[Rule, str]  # and the namespace; "" is the whole cluster
_OWNERS = Rule("apps", ("deployments", "statefulsets", "daemonsets", "replicasets"), ("get",))
_SECRET = Rule("", ("secrets",), ("get",))
_SERVICE = ".svc"


def needed_rights(experiment: Experiment, policy: Policy) -> tuple[Grant, ...]:
    """Return every right that a run of *experiment* under *policy* needs, each once."""
    namespace = experiment.target.namespace
    rules = [*READS] if namespace else [rule for rule in READS if rule.cluster_wide]
    rules += [rule for spec in experiment.faults for rule in load_fault(spec.name).rbac]
    grants = [(rule, "" if rule.cluster_wide else namespace) for rule in rules]
    grants += [(rule, NAMESPACE) for rule in OWN]
    grants += _of_probes(experiment)
    grants += [
        (_SECRET, one.name.partition("/")[0])
        for one in placeholders_of(experiment.steady_state, Source.KUBERNETES)
    ]
    grants += [(_OWNERS, thing.partition("/")[0]) for thing in experiment.dependencies]
    grants += [(rule, where) for each in policy.stack for where, rule in freeze_rules(each)]
    return tuple(dict.fromkeys(grants))


def _of_probes(experiment: Experiment) -> Iterator[Grant]:
    for probe in experiment.steady_state:
        match probe.look:
            case KubernetesProbe(object=named, namespace=namespace):
                kind = resource(named.partition("/")[0])
                wide = not kind.namespaced
                rule = Rule(kind.group, (kind.plural,), ("get", "list"), cluster_wide=wide)
                yield rule, "" if wide else namespace
            case HttpProbe(url=url):
                service = Rule("", ("services",), ("get",))
                yield from ((service, where) for where in _service_namespace(url))


def _service_namespace(url: str) -> Iterable[str]:
    """Yield the namespace of `http://name.namespace.svc`, whose address the cluster may be asked for."""
    host = (urlsplit(url).hostname or "").removesuffix(".").removesuffix(".cluster.local")
    if host.endswith(_SERVICE):
        yield host.removesuffix(_SERVICE).rpartition(".")[2]
