"""The scheduler: finds a node for every pod that has none.

Belongs here: which nodes are fit for a pod, which of them is best, and the loop that binds. Does not belong
here: preemption and volumes, which the lab leaves out.
"""
