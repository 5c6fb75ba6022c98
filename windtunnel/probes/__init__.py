"""How to look: one file per source of observation, each answering with a Sample.

Belongs here: asking and comparing. Does not belong here: what a miss means for the verdict (model.judge).
"""
