"""The Accept header: whole objects, tables, or metadata only."""

from dataclasses import dataclass
from typing import Any

from infra.lab.apiserver.request import Request
from infra.lab.objects import statuses
from infra.lab.objects.statuses import StatusError

Object = dict[str, Any]

_JSON = frozenset({"application/json", "application/*", "*/*"})
_FORMS = frozenset({"Table", "PartialObjectMetadata", "PartialObjectMetadataList"})
_ACCEPTED = "application/json, application/yaml, application/vnd.kubernetes.protobuf"


@dataclass(frozen=True, slots=True)
class Form:
    """How an answer is shown: ``""`` as it is, ``yaml``, or one of the meta.k8s.io kinds."""

    kind: str = ""
    yaml: bool = False


def chosen_form(request: Request) -> Form:
    """The first form in the Accept header that the server has.

    Raises:
        StatusError: 406, none of them.
    """
    accept = request.headers.get("accept", "")
    if not accept:
        return Form()
    for one in accept.split(","):
        media, *parameters = (part.strip() for part in one.split(";"))
        given = dict(part.partition("=")[::2] for part in parameters)
        kind = given.get("as", "")
        if kind and (kind not in _FORMS or given.get("g") != "meta.k8s.io"):
            continue
        if media in _JSON:
            return Form(kind)
        if media == "application/yaml" and not kind:
            return Form(yaml=True)
    raise StatusError(
        statuses.not_acceptable(f"only the following media types are accepted: {_ACCEPTED}")
    )
