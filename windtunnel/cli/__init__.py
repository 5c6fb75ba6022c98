"""The command line: one file per verb. The only part of this package that meets Prefect, and lazily.

A verb's module has `register(app)`, or `app` when it is a group of verbs. It imports what is heavy inside its
functions, because every module here is loaded for `windtunnel --help`.
"""

from windtunnel.cli.entry import main

__all__ = ["main"]
