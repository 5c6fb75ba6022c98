"""A record as people and machines read it: Markdown, chart, JSON, Slack blocks.

Belongs here: pure projections of a Record and its Judgement. Does not belong here: sending them.
"""
