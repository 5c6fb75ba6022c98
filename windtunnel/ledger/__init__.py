"""What happened and what is still to be undone: append-only records and undo tickets in SQL.

Belongs here: schema, migrations, reading and writing. Does not belong here: judging a record (model.judge).
"""
