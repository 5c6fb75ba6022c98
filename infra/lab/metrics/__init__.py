"""The lab's Prometheus: what the shop, its customers and the API server count, each second.

Belongs here: finding what to scrape (annotated pods, as on a real cluster), scraping it with prombed, and
Prometheus' HTTP API in front; or, where a prometheus program is installed, its configuration and process.
Does not belong here: any opinion on the numbers.

The embedded engine knows sum, avg, min, max and count with by and without, rate, increase,
histogram_quantile, arithmetic and comparisons. A query that needs more is refused with a sentence that says
so; ``windtunnel lab up --prometheus real`` runs the whole thing.
"""
