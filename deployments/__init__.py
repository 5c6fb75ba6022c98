"""Which flows run when: a registry of plain values, and the little code that applies it to Prefect."""
