"""The vocabulary: frozen values and pure functions over them.

Belongs here: what an experiment, a policy, a decision, an undo ticket, a record and a verdict are, and the
arithmetic that follows from their definitions. Does not belong here: anything that reads a file, a clock or
a network, and any third-party package.
"""
