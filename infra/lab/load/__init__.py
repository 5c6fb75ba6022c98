"""The customers: a steady stream of requests to the shop's front page.

Belongs here: sending at a rate, and counting what came back. The load is open: requests start on time
whether or not the earlier ones were answered, as customers do, so a slow shop cannot hide by slowing its
own load down. Does not belong here: judging the answers.
"""
