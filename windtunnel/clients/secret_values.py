"""Values of Kubernetes Secrets."""

import base64
import binascii

from windtunnel.clients.cluster import Cluster
from windtunnel.model.errors import ClusterError, NotFoundError
from windtunnel.redaction import learn


def secret_value(cluster: Cluster, reference: str) -> str:
    """Return the text at NAMESPACE/NAME/KEY, which is redacted from then on.

    Raises:
        ClusterError: there is no such Secret or key, it is no text, or this account may not read it.
    """
    namespace, name, key = reference.split("/")
    try:
        data = cluster.get("Secret", name, namespace).get("data") or {}
    except NotFoundError as error:
        msg = f"there is no secret/{name} in {namespace}, which ${{kubernetes:{reference}}} needs"
        raise NotFoundError(msg) from error
    if key not in data:
        msg = f"secret/{name} in {namespace} has no key {key}, which ${{kubernetes:{reference}}} needs"
        raise NotFoundError(msg)
    learn(str(data[key]))
    try:
        value = base64.b64decode(data[key], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        msg = f"the key {key} of secret/{name} in {namespace} is no text, which a header or a body must be"
        raise ClusterError(msg) from None
    learn(value)
    return value
