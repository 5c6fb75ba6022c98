"""windtunnel: scheduled, gated, always-undone chaos experiments on Kubernetes.

Here live the vocabulary (`model`), the files users write (`files`), the ways to break (`faults`) and to
look (`probes`), the only code that talks to the outside (`clients`), what happened (`ledger`), how it is
told (`report`) and the command line (`cli`). Prefect does not belong here; it lives in `flows` and `tasks`.
"""

__version__ = "0.1.0"
