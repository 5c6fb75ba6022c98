"""The files users write: YAML in, frozen values or one clear error per mistake out.

Belongs here: parsing with line numbers, JSON Schema, importers of other tools' files. Does not belong here:
anything that asks a cluster, and any decision about whether a run may start (guardrails).
"""
