"""The policy file: text in, a frozen Policy or every mistake out."""

from pathlib import Path

from pydantic import ValidationError

from windtunnel.files.document import Document, open_document
from windtunnel.files.messages import mistakes_of
from windtunnel.files.policy_form import LATER, PolicyForm
from windtunnel.files.reading import read_text
from windtunnel.model.policy import Blackout, Caps, ClusterEntry, Policy, Protected, Window

FILE_NAMES = ("windtunnel.yaml", "windtunnel.yml")


def load_policy(path: Path | None) -> Policy:
    """Read a policy file; None gives the built-in rules, which are strict.

    Raises:
        FileError: it cannot be used; an InputError with one line per problem.
    """
    return Policy() if path is None else parse_policy(read_text(path), str(path))


def parse_policy(text: str, source: str) -> Policy:
    """Read a policy from *text*; *source* names it in messages. Raises as load_policy."""
    return policy_of(open_document(text, source))


def find_policy(near: Path) -> Path | None:
    """Return the policy file beside *near* (a file or a folder) or in the closest folder above it.

    The search ends at the root of a repository (a folder with .git), at the home folder and at the top.
    """
    start = near.absolute()
    folder = start if start.is_dir() else start.parent
    for place in (folder, *folder.parents):
        for name in FILE_NAMES:
            if (place / name).is_file():
                return place / name
        if (place / ".git").exists() or place == Path.home():
            return None
    return None


def policy_of(document: Document) -> Policy:
    """Return the policy that *document* holds. Raises FileError with every mistake in it."""
    form: PolicyForm | None = None
    try:
        form = PolicyForm.model_validate(document.values)
    except ValidationError as error:
        found = mistakes_of(error, PolicyForm, later=LATER)
        document.require([m for m in found if not any(m.path[: len(v)] == v for v in document.voids)])
    document.require(())
    assert form is not None, "validation gave neither a form nor an error"  # noqa: S101 - for the type checker
    return _policy(form, document.source)


def _policy(form: PolicyForm, source: str) -> Policy:
    always = Protected()
    return Policy(
        timezone=form.timezone,
        windows={
            name: Window(name, window.days, window.from_, window.to, form.timezone)
            for name, window in form.windows.items()
        },
        blackouts=tuple(Blackout(b.from_, b.to, b.reason, form.timezone) for b in form.blackouts),
        caps=Caps(
            pods=form.caps.pods,
            percent=form.caps.percent,
            nodes=form.caps.nodes,
            duration_s=form.caps.duration,
            concurrent_runs=form.caps.concurrent_runs,
        ),
        opt_in=form.opt_in,
        protected=Protected(
            namespaces=always.namespaces | frozenset(form.protect.namespaces),
            services=always.services | frozenset(form.protect.services),
        ),
        abort_when=tuple(form.abort_when),
        clusters={
            name: ClusterEntry(name, entry.kubeconfig or "", entry.context or "", entry.prometheus or "")
            for name, entry in form.clusters.items()
        },
        prometheus_url=form.prometheus.url if form.prometheus else "",
        slack_channel=form.slack.channel if form.slack else "",
        source=source,
    )
