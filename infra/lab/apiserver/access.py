"""Authentication, impersonation and authorisation of a request, with the server's words for each refusal."""

from typing import TYPE_CHECKING

from infra.lab.apiserver.rbac import Attributes
from infra.lab.apiserver.request import ANONYMOUS, Request, User
from infra.lab.apiserver.routing import ApiPath, verb_of
from infra.lab.objects import statuses
from infra.lab.objects.statuses import StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

_PATH_VERBS = {
    "GET": "get",
    "HEAD": "head",
    "POST": "post",
    "PUT": "put",
    "PATCH": "patch",
    "DELETE": "delete",
}


def authenticate(server: "ApiServer", request: Request) -> User:
    """Who asks, by the Authorization header; anonymous without a bearer token.

    Raises:
        StatusError: 401, the token is not valid.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return ANONYMOUS
    user = server.tokens.user(token.strip())
    if user is None:
        raise StatusError(statuses.unauthorized())
    return user


def wanted_by(request: Request, path: ApiPath | None) -> Attributes:
    """What a request is about, in the authoriser's terms."""
    if path is None:
        return Attributes(_PATH_VERBS.get(request.method, request.method.lower()), path=request.path)
    namespace = path.namespace or ""
    if path.plural == "namespaces" and not path.group:
        namespace = path.name or ""
    return Attributes(
        verb_of(request, path), path.group, path.plural, path.subresource, path.name or "", namespace
    )


def authorise(server: "ApiServer", request: Request, path: ApiPath | None) -> None:
    """Let a request pass, as somebody else where it asks for that.

    Raises:
        StatusError: 403.
    """
    wanted = wanted_by(request, path)
    if name := request.headers.get("impersonate-user"):
        asked = Attributes("impersonate", resource="users", name=name)
        if server.authoriser.allows(request.user, asked) is None:
            refuse(request.user, wanted, verb=f"impersonate-on:user-info:{wanted.verb}")
        groups = request.headers.get("impersonate-group", "").split(",")
        request.user = User(name, (*filter(None, groups), "system:authenticated"))
    if server.authoriser.allows(request.user, wanted) is None:
        refuse(request.user, wanted)


def refuse(user: User, wanted: Attributes, *, verb: str = "") -> None:
    """Raise the 403 of a request."""
    verb = verb or wanted.verb
    if wanted.path:
        message = f'forbidden: User "{user.name}" cannot {verb} path "{wanted.path}"'
        raise StatusError(statuses.status(403, "Forbidden", message, {}))
    namespaced = wanted.namespace and wanted.resource != "namespaces"
    scope = (
        f'in the namespace "{wanted.namespace}"' if namespaced or wanted.namespace else "at the cluster scope"
    )
    what = f'resource "{wanted.full_resource}" in API group "{wanted.group}"'
    why = f'User "{user.name}" cannot {verb} {what} {scope}'
    raise StatusError(statuses.forbidden(wanted.name, wanted.resource, wanted.group, why=why))
