"""Bearer tokens: the administrator's, and signed ones for service accounts that expire."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import uuid
from typing import TYPE_CHECKING, Any

from infra.lab.apiserver import clock
from infra.lab.apiserver.request import ADMIN, User

if TYPE_CHECKING:
    from infra.lab.apiserver.store import Store

Object = dict[str, Any]

AUDIENCE = "https://kubernetes.default.svc.cluster.local"


class Tokens:
    """Issues and checks tokens. The signing key lives as long as the process."""

    def __init__(self, store: "Store", admin_token: str) -> None:
        self._store = store
        self._admin_token = admin_token.encode()
        self._key = secrets.token_bytes(32)

    def issue(self, account: Object, *, seconds: int, audiences: list[str]) -> str:
        """A JSON web token for a ServiceAccount object."""
        metadata = account["metadata"]
        now = int(clock.now().timestamp())
        claims = {
            "aud": audiences,
            "exp": now + seconds,
            "iat": now,
            "iss": AUDIENCE,
            "jti": str(uuid.uuid4()),
            "nbf": now,
            "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
            "kubernetes.io": {
                "namespace": metadata["namespace"],
                "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
            },
        }
        content = f"{_encode({'alg': 'HS256', 'typ': 'JWT'})}.{_encode(claims)}"
        return f"{content}.{self._signature(content)}"

    def user(self, token: str) -> User | None:
        """Whom a token stands for; None if it is not valid (any longer)."""
        if hmac.compare_digest(token.encode(), self._admin_token):
            return ADMIN
        content, _, signature = token.rpartition(".")
        if not content or not hmac.compare_digest(signature.encode(), self._signature(content).encode()):
            return None
        claims = _decode(content.partition(".")[2])
        if claims is None or claims["exp"] < clock.now().timestamp():
            return None
        return self._account_user(claims)

    def _account_user(self, claims: Object) -> User | None:
        about = claims["kubernetes.io"]
        namespace, account = about["namespace"], about["serviceaccount"]
        found = self._store.collection("/serviceaccounts").get((namespace, account["name"]))
        if found is None or found["metadata"]["uid"] != account["uid"]:
            return None
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        extra = {"authentication.kubernetes.io/credential-id": (f"JTI={claims['jti']}",)}
        return User(claims["sub"], groups, account["uid"], extra)

    def _signature(self, content: str) -> str:
        digest = hmac.new(self._key, content.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _encode(value: Object) -> str:
    text = json.dumps(value, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(text: str) -> Object | None:
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        return None
    return found if isinstance(found, dict) else None
