"""The embedded lab: a Kubernetes API server, controllers, node agents and a shop of real processes.

Belongs here: a cluster in one command, without root, containers or internet. Does not belong here: any
import of the product; the two meet at the Kubernetes API and plain HTTP, as on a real cluster.
"""
