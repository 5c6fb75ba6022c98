"""The Accept header: whole objects, tables, or metadata only."""

from infra.lab.apiserver.request import Form, Request
from infra.lab.objects import statuses
from infra.lab.objects.statuses import StatusError

_JSON = frozenset({"application/json", "application/*", "*/*"})
_FORMS = frozenset({"Table", "PartialObjectMetadata", "PartialObjectMetadataList"})
_ACCEPTED = "application/json, application/yaml, application/vnd.kubernetes.protobuf"


def chosen_form(request: Request) -> Form:
    """The first form in the Accept header that the server has.

    Raises:
        StatusError: 406, none of them.
    """
    accept = request.headers.get("accept", "")
    if not accept:
        return Form()
    readable = False
    for one in accept.split(","):
        media, *parameters = (part.strip() for part in one.split(";"))
        given = dict(part.partition("=")[::2] for part in parameters)
        kind = given.get("as", "")
        readable = readable or media in _JSON
        if kind and (kind not in _FORMS or given.get("g") != "meta.k8s.io"):
            continue
        if media in _JSON:
            return Form(kind)
        if media == "application/yaml" and not kind:
            return Form(yaml=True)
    if readable:
        raise StatusError(
            statuses.not_acceptable(f"only the following media types are accepted: {_ACCEPTED}")
        )
    streams = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
    body = statuses.not_acceptable(
        f"406: Not Acceptable\n\nAvailable representations: {_ACCEPTED}, {streams}"
    )
    raise StatusError({**body, "details": {}})
