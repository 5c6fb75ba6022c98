"""Pure functions about Kubernetes objects: what the lab's API server knows about them.

Belongs here: the table of resources, defaults, validation, decoding, patches, apply, selectors, tables,
and the Status answers, each worded as a v1.36 API server words it. Everything is a function of its
arguments: no sockets, no store, no clock.

Does not belong here: HTTP, storage, watches, admission that needs other objects (infra.lab.apiserver), and
behaviour over time (infra.lab.controllers).
"""
