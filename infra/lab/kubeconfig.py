"""The kubeconfig of a lab."""

import base64
import os
from pathlib import Path

TEMPLATE = """# Written by `windtunnel lab up`. Good for kubectl, and gone with the lab.
apiVersion: v1
kind: Config
current-context: lab
clusters:
- name: lab
  cluster:
    server: {server}
    certificate-authority-data: {authority}
contexts:
- name: lab
  context:
    cluster: lab
    user: lab-admin
    namespace: shop
users:
- name: lab-admin
  user:
    token: {token}
"""


def write(path: Path, *, server: str, ca_file: Path, token: str) -> None:
    """Write a kubeconfig that only its owner can read."""
    authority = base64.b64encode(ca_file.read_bytes()).decode()
    write_secret(path, TEMPLATE.format(server=server, authority=authority, token=token))


def write_secret(path: Path, text: str) -> None:
    """Write *text* to a file of mode 0600, which it has from its first byte."""
    fresh = path.with_suffix(".tmp")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)
