"""Names, labels and keys: the patterns, and the sentences about them."""

import re

_ALNUM = "must start and end with an alphanumeric character"
_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_NAME_PART = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_CONFIG_KEY = r"[-._a-zA-Z0-9]+"
_PORT_NAME = re.compile(r"[a-z0-9-]+")


def _regex_words(pattern: str, *examples: str) -> str:
    listed = " or ".join(f"'{one}', " for one in examples).removesuffix(", ") if examples else ""
    return f"(e.g. {listed}, regex used for validation is '{pattern}')"


_SUBDOMAIN_WORDS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
    f"{_ALNUM} {_regex_words(_SUBDOMAIN, 'example.com')}"
)
_LABEL_WORDS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    f"{_ALNUM} {_regex_words(_LABEL, 'my-name', '123-abc')}"
)
_LABEL_1035_WORDS = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
    "character, and end with an alphanumeric character "
    f"{_regex_words(_LABEL_1035, 'my-name', 'abc-123')}"
)
_NAME_PART_WORDS = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and "
    f"{_ALNUM} {_regex_words(_NAME_PART, 'MyName', 'my.name', '123-abc')}"
)
_VALUE_WORDS = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
    f"{_ALNUM} {_regex_words(_VALUE, 'MyValue', 'my_value', '12345')}"
)
_CONFIG_KEY_WORDS = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' "
    f"{_regex_words(_CONFIG_KEY, 'key.name', 'KEY_NAME', 'key-name')}"
)


def _check(text: str, pattern: str, words: str, longest: int) -> list[str]:
    problems = [f"must be no more than {longest} bytes"] if len(text) > longest else []
    return problems if re.fullmatch(pattern, text, re.ASCII) else [*problems, words]


def subdomain(text: str) -> list[str]:
    """What is wrong with the name of most objects."""
    return _check(text, _SUBDOMAIN, _SUBDOMAIN_WORDS, 253)


def label(text: str) -> list[str]:
    """What is wrong with the name of a namespace or container."""
    return _check(text, _LABEL, _LABEL_WORDS, 63)


def label_1035(text: str) -> list[str]:
    """What is wrong with a name that has to start with a letter."""
    return _check(text, _LABEL_1035, _LABEL_1035_WORDS, 63)


def qualified(text: str) -> list[str]:
    """What is wrong with a label key, condition type or finalizer: an optional domain, a slash and a name."""
    prefix, slash, name = text.rpartition("/")
    if slash and not prefix:
        return ["prefix part must be non-empty"]
    problems = [f"prefix part {words}" for words in subdomain(prefix)] if slash else []
    if not name:
        return [*problems, "name part must be non-empty", _NAME_PART_WORDS]
    if len(name) > 63:
        problems.append("name part must be no more than 63 bytes")
    return problems if re.fullmatch(_NAME_PART, name, re.ASCII) else [*problems, _NAME_PART_WORDS]


def label_value(text: str) -> list[str]:
    """What is wrong with the value of a label."""
    return _check(text, _VALUE, _VALUE_WORDS, 63)


def config_key(text: str) -> list[str]:
    """What is wrong with a key of a config map or secret."""
    problems = _check(text, _CONFIG_KEY, _CONFIG_KEY_WORDS, 253)
    return [*problems, f"must not be '{text}'"] if text in {".", ".."} else problems


def port_name(text: str) -> list[str]:
    """What is wrong with the name of a port."""
    if len(text) > 15:
        return ["must be no more than 15 bytes"]
    if not _PORT_NAME.fullmatch(text):
        return ["must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"]
    if not re.search("[a-z]", text):
        return ["must contain at least one letter (a-z)"]
    if "--" in text:
        return ["must not contain consecutive hyphens"]
    return ["must not begin or end with a hyphen"] if text[0] == "-" or text[-1] == "-" else []


def path_segment(text: str) -> list[str]:
    """What is wrong with a name that only has to fit into a path."""
    if text in {".", ".."}:
        return [f"may not be '{text}'"]
    return [f"may not contain '{one}'" for one in ("/", "%") if one in text]
