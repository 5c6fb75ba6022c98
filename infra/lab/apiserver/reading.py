"""From a request's body to a document as it is stored, or to the options of a delete."""

from typing import TYPE_CHECKING, Any

from infra.lab.apiserver import presentation, protobuf
from infra.lab.apiserver.options import WriteOptions
from infra.lab.apiserver.request import Request
from infra.lab.objects import bodies, decoding, statuses
from infra.lab.objects.resource import Resource
from infra.lab.objects.statuses import StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

_MEDIA_TYPES = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")


def read_object(server: "ApiServer", request: Request, resource: Resource, options: WriteOptions) -> Object:
    """The body of a create or replace: an object of a resource, decoded, without kind and apiVersion."""
    if request.document is not None:
        body = bodies.Body(request.document)
    elif request.content_type == protobuf.MEDIA_TYPE:
        body = bodies.Body(protobuf.read_object(request.raw))
    else:
        if request.content_type not in _MEDIA_TYPES[:2]:
            raise StatusError(statuses.unsupported_media_type(_MEDIA_TYPES))
        body = bodies.read_object(request.raw, kind=resource.kind, media_type=request.content_type)
    version = body.document.get("apiVersion")
    if resource.custom and version and version != resource.group_version:
        known = {"apiVersion", "kind", "metadata"}
        request.warnings.extend(f'unknown field "{key}"' for key in body.document if key not in known)
    decoding.check_kind(body.document, resource, known=tuple(server.registry))
    return decoded(body.document, resource, options, request=request, duplicates=body.duplicates)


def decoded(
    document: Object,
    resource: Resource,
    options: WriteOptions,
    *,
    request: Request,
    duplicates: tuple[str, ...] = (),
    patch: bool = False,
) -> Object:
    """A document as the server holds it after reading: types checked, unknown fields reported or refused."""
    document = decoding.decode(
        document,
        resource,
        validation=options.field_validation,
        warnings=request.warnings,
        duplicates=duplicates,
        patch=patch,
    )
    return presentation.stored_form(resource, document)


def read_patch(request: Request) -> Any:
    """The body of a patch."""
    if request.document is not None:
        return request.document
    return bodies.read_patch(request.raw)


def read_options(request: Request) -> Object:
    """The body of a delete; empty where there is none."""
    if request.document is not None:
        return request.document if isinstance(request.document, dict) else {}
    if request.content_type == protobuf.MEDIA_TYPE and request.raw:
        return protobuf.read_object(request.raw)
    return bodies.read_options(request.raw)
