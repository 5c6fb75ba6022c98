"""The lab's node agent: what kubelet, container runtime and kube-proxy are on a real cluster.

Belongs here: nodes that report themselves, pods as real local processes with probes, restarts, logs and a
graceful end, the table from image name to program, and the TCP proxy behind every ClusterIP. Does not belong
here: deciding where a pod runs or how many there are (the controllers), or storing objects (the API server);
this package talks to both only through infra.lab.client.

What a real node does and this one leaves out: volumes are not mounted and images bring no file system
(programs of the machine run in a private folder), resource limits are not enforced, host networking, exec
and port forwarding are not served, and a pod's activeDeadlineSeconds is ignored.
"""
