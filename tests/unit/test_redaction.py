import base64
import json
from urllib.parse import quote, quote_plus

from hypothesis import given
from hypothesis import strategies as st

from windtunnel.redaction import LEAST, MASK, Secrets

SECRETS = st.text(st.characters(codec="utf-8"), min_size=LEAST, max_size=40).filter(
    lambda text: len(text.strip()) >= LEAST and MASK not in text
)


def knowing(*values: str) -> Secrets:
    secrets = Secrets()
    for value in values:
        secrets.learn(value)
    return secrets


@given(SECRETS.map(str.strip))
def test_a_secret_is_redacted_in_every_form_it_takes(secret: str) -> None:
    forms = (
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        base64.b64encode(secret.encode()).decode(),
        base64.urlsafe_b64encode(secret.encode()).decode(),
    )
    for form in forms:
        assert knowing(secret).redact(form) == MASK


@given(SECRETS.map(str.strip), st.text("abc:", max_size=5), st.text("xyz:", max_size=5))
def test_a_secret_inside_a_longer_base64_text_is_redacted(secret: str, before: str, after: str) -> None:
    encoded = base64.b64encode(f"{before}{secret}{after}".encode()).decode()
    assert MASK in knowing(secret).redact(encoded)


@given(st.text())
def test_who_knows_no_secret_changes_nothing(text: str) -> None:
    assert Secrets().redact(text) == text


def test_a_short_value_is_left_alone() -> None:
    assert knowing("true", "8080").redact("true at 8080") == "true at 8080"


def test_of_two_secrets_the_longer_one_goes_first() -> None:
    assert knowing("canary", "canary-secret").redact("a canary-secret and a canary") == "a *** and a ***"
