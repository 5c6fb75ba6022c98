"""The steps of a run as Prefect tasks: one effect each. Order belongs to flows, decisions to guardrails."""
