"""May it start, must it stop: pure functions from policy, experiment, facts and now to a Decision.

Belongs here: one file per guardrail and the list that orders them. Does not belong here: I/O, a clock,
Prefect. What cannot be known is UNKNOWN, and UNKNOWN never lets a run start.
"""
