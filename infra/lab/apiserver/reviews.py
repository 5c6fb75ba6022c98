"""Reviews: questions about access that are answered and not stored."""

from typing import TYPE_CHECKING, Any

from infra.lab.apiserver import clock
from infra.lab.apiserver.options import WriteOptions
from infra.lab.apiserver.rbac import Attributes
from infra.lab.apiserver.reading import read_object
from infra.lab.apiserver.request import Answer, Request, Route, User
from infra.lab.objects import statuses
from infra.lab.objects.statuses import Cause, StatusError

if TYPE_CHECKING:
    from infra.lab.apiserver.server import ApiServer

Object = dict[str, Any]

_GROUP = "authorization.k8s.io"


def review(server: "ApiServer", request: Request, route: Route) -> Answer:
    """POST of any review."""
    options = WriteOptions.of(request.query, "CreateOptions")
    document = read_object(server, request, route.resource, options)
    spec = document.get("spec") or {}
    answer: Object = {
        "kind": route.resource.kind,
        "apiVersion": route.resource.group_version,
        "metadata": document.get("metadata") or {},
    }
    match route.resource.kind:
        case "SelfSubjectReview":
            answer["metadata"] = {"creationTimestamp": clock.timestamp()}
            answer["status"] = {"userInfo": _user_info(request.user)}
        case "TokenReview":
            answer |= {"spec": spec, "status": _token_status(server, spec)}
        case "SelfSubjectRulesReview":
            answer |= {"spec": {}, "status": _rules_status(server, request.user, spec)}
        case kind:
            user = request.user if kind == "SelfSubjectAccessReview" else _spec_user(spec)
            answer |= {"spec": spec, "status": _access_status(server, user, spec)}
    return Answer(201, answer)


def _user_info(user: User) -> Object:
    info: Object = {"username": user.name, "uid": user.uid, "groups": list(user.groups)}
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra.items()}
    return {key: value for key, value in info.items() if value}


def _spec_user(spec: Object) -> User:
    return User(spec.get("user", ""), tuple(spec.get("groups") or ()), spec.get("uid", ""))


def _token_status(server: "ApiServer", spec: Object) -> Object:
    user = server.tokens.user(spec.get("token", ""))
    if user is None:
        return {"user": {}, "error": "invalid bearer token"}
    return {"authenticated": True, "user": _user_info(user), "audiences": spec.get("audiences") or []}


def _access_status(server: "ApiServer", user: User, spec: Object) -> Object:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (resource is None) == (path is None):
        needed = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        words = f"Invalid value: null: {needed}"
        raise StatusError(
            statuses.invalid("", "", _GROUP, [Cause("FieldValueInvalid", words, "spec.resourceAttributes")])
        )
    if resource is not None:
        keys = ("verb", "group", "resource", "subresource", "name", "namespace")
        wanted = Attributes(**{key: resource.get(key, "") for key in keys})
    else:
        wanted = Attributes((path or {}).get("verb", ""), path=(path or {}).get("path", ""))
    reason = server.authoriser.allows(user, wanted)
    if reason is None:
        return {"allowed": False}
    return {"allowed": True, "reason": reason} if reason else {"allowed": True}


def _rules_status(server: "ApiServer", user: User, spec: Object) -> Object:
    namespace = spec.get("namespace", "")
    if not namespace:
        raise StatusError(statuses.bad_request("no namespace on request"))
    resources: list[Object] = []
    paths: list[Object] = []
    for grant in server.authoriser.grants(user, namespace):
        (paths if grant.rule.get("nonResourceURLs") else resources).append(grant.rule)
    return {"resourceRules": resources, "nonResourceRules": paths, "incomplete": False}
