"""The only code that talks to the outside: Kubernetes, Prometheus, Slack, the local state folder.

Belongs here: one small client per service that turns its failures into windtunnel.model.errors. Does not
belong here: decisions, and anything that knows what an experiment is for.
"""
