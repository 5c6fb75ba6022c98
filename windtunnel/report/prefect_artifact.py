"""The report as Prefect's UI shows it: Markdown with the chart inside.

Tried with Prefect 3.8.8 in both of its UIs: an image with a data: address is shown, SVG and PNG alike;
inline SVG is dropped by both, and the older UI shows Mermaid as code. The older one never breaks a line in a
table and cuts off what does not fit; `<br>` breaks it in both.
"""

import base64

from windtunnel.model.experiment import Experiment
from windtunnel.model.record import Record
from windtunnel.model.verdict import Judgement
from windtunnel.redaction import redact
from windtunnel.report.chart import chart
from windtunnel.report.markdown import markdown
from windtunnel.report.markdown_text import folded_tables
from windtunnel.report.run_words import verdict_words

CELL_WIDTH = 72  # characters; what a window of 1280 pixels shows beside the two other columns
CHART_LIMIT = 400_000  # bytes; the artifact travels through the API and the database as one text


def prefect_markdown(record: Record, judgement: Judgement, experiment: Experiment) -> str:
    """Return the report with its chart as one self-contained Markdown text."""
    text = markdown(record, judgement, experiment, chart=_address(record, experiment))
    return folded_tables(redact(text), width=CELL_WIDTH)


def prefect_description(judgement: Judgement, *, run_id: str) -> str:
    """Return the line that the UI shows in lists and above the report, without repeating the report."""
    return f"{verdict_words(judgement).capitalize()} in run {run_id}"


def _address(record: Record, experiment: Experiment) -> str:
    if not record.samples:
        return ""
    picture = chart(record, experiment, form="svg")
    if len(picture) > CHART_LIMIT:
        return ""
    return f"data:image/svg+xml;base64,{base64.b64encode(picture).decode('ascii')}"
