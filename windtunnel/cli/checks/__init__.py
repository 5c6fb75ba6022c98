"""What `windtunnel doctor` looks at: one file per part of an installation, which yields its checks.

Belongs here: looking, and saying how to mend. Does not belong here: mending.
"""
