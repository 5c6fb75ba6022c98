"""The shop: four small HTTP services that a chaos experiment can hurt.

::

    customers -> frontend -+-> catalog
                           +-> checkout -> payments

Belongs here: the services, their HTTP and their metrics, on the standard library alone, because a dozen of
these processes share a laptop. Does not belong here: anything about Kubernetes, windtunnel or the lab; a pod
learns all it knows from its environment (``POD_IP``, ``PORT``, ``CHECKOUT_URL``...).

Each is a module to run: ``python -m infra.lab.shop.frontend``. It answers ``/healthz`` (alive), ``/readyz``
(wants traffic) and ``/metrics`` (Prometheus text). On SIGTERM it stops being ready, keeps serving while the
news spreads, finishes what is in flight and exits.

What the shop survives: the frontend and checkout try a failed call again, on another connection, so a lost
checkout or payments pod goes unnoticed by customers.

What it does not survive, a weakness found in the field and left in on purpose: **catalog says ready too
early**. A catalog pod replays what changed since the last snapshot before it can answer, for some seconds
(``CATALOG_WARM_UP_SECONDS`` at most), and answers 503 meanwhile; but ``/readyz`` says yes from the start, so
the pod gets its share of the traffic at once. The frontend calls catalog with one attempt only
(``CATALOG_RETRIES`` is 0), so customers see errors until the replacement has caught up. The honest probe
exists: pointing the readiness probe of the deployment at ``/warm`` repairs it. Retrying
(``CATALOG_RETRIES=2`` on the frontend) only hides most of it.
"""
