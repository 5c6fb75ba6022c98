"""The order of the steps, as Prefect flows that read like the runbook. Effects belong to tasks."""
