"""The lab's Kubernetes API server: store, verbs, watches, admission, access, and the HTTPS front.

Belongs here: everything that needs the store, a user or a connection. Does not belong here: rules about
one object (infra.lab.objects) and loops that change objects by themselves (infra.lab.controllers).
"""
