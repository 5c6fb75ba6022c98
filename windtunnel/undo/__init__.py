"""Undo when its run cannot: which tickets are due, undoing them, and calling people where that fails.

Belongs here: everything the janitor needs. It works with nothing but the cluster: neither Prefect nor the
ledger may be imported. Does not belong here: a run's own undo as a step of it (tasks.rollback).
"""
