"""`windtunnel rbac FILE...`: the least rights that experiments need, as objects for kubectl."""

from pathlib import Path
from typing import Annotated

import typer

from windtunnel.cli.console import say
from windtunnel.model.errors import InputError

Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="Experiment files, or folders of them.")]
Account = Annotated[
    str,
    typer.Option(metavar="NAMESPACE/NAME", help="The service account that runs them."),
]


def register(app: typer.Typer) -> None:
    """Add the verb to *app*."""
    app.command("rbac")(rbac)


def rbac(files: Files, *, service_account: Account = "windtunnel/windtunnel") -> None:
    """Print the least roles and bindings that a set of experiments needs, for `kubectl apply -f -`.

    They hold what inject and undo need, what is looked at before, and windtunnel's own objects.
    """
    import yaml

    from tasks.needed_rights import Grant, needed_rights
    from windtunnel.files import load_experiment, load_policies
    from windtunnel.files.checking import EXPERIMENT, check, files_in
    from windtunnel.report.rbac import rbac_objects

    namespace, slash, account = service_account.partition("/")
    if not (namespace and slash and account):
        msg = f"--service-account {service_account}: write NAMESPACE/NAME"
        raise InputError(msg)
    grants: list[Grant] = []
    named: list[str] = []
    for path in (found for file in files for found in files_in(file)):
        checked, *policies = check([path])  # policies above it that cannot be used come last
        if problems := [problem for each in (checked, *policies) for problem in each.problems]:
            raise InputError("\n".join(map(str, problems)))
        if checked.kind == EXPERIMENT:
            policy = load_policies(path)
            grants += needed_rights(load_experiment(path, policy=policy), policy)
            named.append(checked.name)
    if not named:
        msg = "there is no experiment among these files; rights follow from experiments"
        raise InputError(msg)
    objects = rbac_objects(dict.fromkeys(grants), account=account, namespace=namespace)
    say(f"# The least rights for: {', '.join(named)}")
    say(yaml.safe_dump_all(objects, sort_keys=False, explicit_start=True).rstrip())
