"""The recorder: stands for Slack, PagerDuty and Alertmanager, keeps what they are sent, and shows it.

Belongs here: answering as the real services answer, their refusals included, and a page for people at /.
Does not belong here: any knowledge of who sends what. Everything kept is bounded; nothing is on disk.

Addresses (the lab listens on http://127.K.0.1:9099):

- ``/slack/api/METHOD``: the Web API, for slack-sdk's ``base_url``. ``/slack/webhook/...``: incoming webhooks.
- ``/pagerduty/v2/enqueue``: Events API v2. ``/pagerduty/incidents``: the REST API.
- ``/alertmanager/api/v2/...``: alerts and status.
- ``/messages.json``: everything kept. ``DELETE`` forgets it.
- ``/fail``: POST ``{"slack": 3, "status": 429, "retry_after": 1}`` refuses the next three Slack calls; GET
  shows, DELETE clears. ``"error": "channel_not_found"`` refuses as Slack does, with 200 and ok false;
  ``"delay": 5`` answers late; a count of -1 refuses until cleared.
"""
