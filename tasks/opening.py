"""Begin and end a run: parse what it was asked, open its record, close everything."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from os import getpid
from platform import node, python_version

from prefect.logging import get_run_logger

from tasks.live_run import LiveRun
from tasks.notifier import Notifier
from tasks.request import RunRequest, new_seed
from tasks.secret_values import from_prefect
from windtunnel.clock import Clock, SystemClock
from windtunnel.files import load_policy, parse_experiment, parse_policy, stacked
from windtunnel.files.calendar_files import calendar_path
from windtunnel.files.policy_file import installation_policy
from windtunnel.files.reading import refuse_secrets
from windtunnel.ledger import Ledger, Origin, open_ledger
from windtunnel.model.errors import InputError
from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy
from windtunnel.model.record import EventKind
from windtunnel.probes.placeholders import learn_variables
from windtunnel.redaction import secrets_kept_in


@contextmanager
def open_run(request: RunRequest) -> Iterator[LiveRun]:
    """Parse *request*, open its record, and close it whatever happens.

    Raises:
        InputError: the experiment or the policy cannot be used; no record is begun.
        LedgerError: the record cannot be written; nothing is done then.
    """
    clock = SystemClock()
    experiment, policy = experiment_of(request)
    learn_variables(experiment.steady_state, os.environ)
    secrets = from_prefect(experiment)
    refuse_known_secrets(request)
    request = request.model_copy(update={"calendars": calendars_of(request)})
    with secrets_kept_in(), open_ledger() as ledger:
        run = LiveRun(
            run_id=request.run_id,
            seed=request.seed if request.seed is not None else new_seed(),
            request=request,
            experiment=experiment,
            policy=policy,
            ledger=ledger,
            clock=clock,
            log=get_run_logger(),  # asked here: it knows the flow run in this thread alone, and serves in all
        )
        run.secrets = secrets
        _begin(run, ledger, clock)
        with Notifier(run):
            yield run


def experiment_of(request: RunRequest) -> tuple[Experiment, Policy]:
    """Return what a run is asked to do, and every policy that holds for it.

    Raises:
        InputError: the experiment or a policy cannot be used.
    """
    policy = policy_of(request)
    return parse_experiment(request.experiment_text, request.experiment_source, policy=policy), policy


def policy_of(request: RunRequest) -> Policy:
    """Return every policy that holds for a run: those that came with it, and this installation's own.

    The latter is read here, where the run happens: nobody who asks for a run can leave it out.

    Raises:
        InputError: one of them cannot be used.
    """
    _, *texts = _texts(request)
    found = [parse_policy(text, source) for text, source in texts if text]
    own = of_this_installation()
    # a source is a name that anybody can write: only what says the same is left out
    return stacked([*found, own] if own and own not in found else found)


def calendars_of(request: RunRequest) -> Mapping[str, str]:
    """Return the calendars that came with *request*, but for those of this installation's own policy.

    These are read where the run happens, as the policy is.

    Raises:
        InputError: the installation's policy cannot be used.
    """
    own = of_this_installation()
    here = {calendar_path(own.source, each.file) for each in own.calendars if each.file} if own else set()
    return {path: text for path, text in request.calendars.items() if path not in here}


def of_this_installation() -> Policy | None:
    """Return the policy that `WINDTUNNEL_POLICY` names here, or None.

    Raises:
        InputError: it cannot be used.
    """
    path = installation_policy()
    return load_policy(path) if path else None


def refuse_known_secrets(request: RunRequest) -> None:
    """Refuse files with a secret in them: they are kept with the run, and shown in Prefect.

    Raises:
        InputError: one of them holds a secret that is known by now.
    """
    for text, source in _texts(request):
        refuse_secrets(text, source)


def _texts(request: RunRequest) -> list[tuple[str, str]]:
    """Return the files that came with *request*, each with its path: the experiment, then the policies."""
    return [
        (request.experiment_text, request.experiment_source),
        (request.policy_text, request.policy_source),
        *((each.text, each.source) for each in request.ceilings),
    ]


def experiment_name(request: RunRequest) -> str:
    """Return the name in the experiment's file, or its path where the file cannot be used."""
    try:
        return parse_experiment(request.experiment_text, request.experiment_source).name
    except InputError:
        return request.experiment_source


def _begin(run: LiveRun, ledger: Ledger, clock: Clock) -> None:
    origin = Origin(
        seed=run.seed,
        triggered_by=run.request.triggered_by,
        experiment_source=run.request.experiment_source,
        experiment_text=run.request.experiment_text,
        policy_source=run.request.policy_source,
        policy_text=run.request.policy_text,
    )
    ledger.begin(run.run_id, run.experiment.name, origin=origin, at=clock.now())
    run.happened(
        EventKind.STARTED,
        f"{run.experiment.name}: {run.experiment.hypothesis}",
        seed=run.seed,
        triggered_by=run.request.triggered_by,
        target=str(run.experiment.target),
        owner=run.experiment.owner,
        policy=run.policy.source or "built-in defaults",
        versions={
            "windtunnel": version("windtunnel"),
            "prefect": version("prefect"),
            "python": python_version(),
        },
        host=node(),
        process=getpid(),
    )
