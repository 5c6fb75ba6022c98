"""The lab's service proxy: a real TCP proxy on every ClusterIP and port, over the ready endpoints.

Belongs here: routes from Services and EndpointSlices, listeners, relayed bytes, and the network weather that
faults make. Does not belong here: deciding which endpoints are ready (the controllers do).

It differs from kube-proxy where a userspace proxy must: an endpoint whose process is gone while its slice
still names it shows as a connection that is reset right after it opened, not as a refused one. Session
affinity and UDP are not served.
"""
