"""How to break, and how to take it back: one file per fault family, all of one shape (`shape.Fault`).

Belongs here: prepare, inject, status and undo of a fault, the RBAC it needs and the schema of its
parameters, both as data. Does not belong here: whether it may run (guardrails) and when (flows).
"""
