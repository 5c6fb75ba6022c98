"""What a run is asked to do: the parameters of the flow, as the Prefect UI shows them in its form."""

import secrets
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from windtunnel.clock import SystemClock


def new_run_id(now: datetime) -> str:
    """Make a run id that sorts by time and fits into Kubernetes names and labels."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def new_seed() -> int:
    """Draw a seed for a run that was given none; it is kept in the record."""
    return secrets.randbelow(2**31)


class PolicyText(BaseModel):
    """One more policy file, as text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(description="The policy file, as YAML text.")
    source: str = Field(default="", description="Its path, for messages.")


class RunRequest(BaseModel):
    """One run of one experiment. The texts travel with the run, so that a worker needs no shared disk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment_text: str = Field(description="The experiment file, as YAML text.")
    experiment_source: str = Field(default="experiment.yaml", description="Its path, for messages.")
    policy_text: str = Field(
        default="", description="The policy file (windtunnel.yaml), as YAML text. Empty: the strict defaults."
    )
    policy_source: str = Field(default="", description="Its path, for messages.")
    ceilings: tuple[PolicyText, ...] = Field(
        default=(), description="Policies above it, each of which must allow the run as well."
    )
    calendars: dict[str, str] = Field(
        default_factory=dict, description="The texts of the calendar files that the policy names, by path."
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        le=2**63 - 1,
        description="Chooses the victims. Empty: a new one, kept in the record.",
    )
    run_id: str = Field(
        default_factory=lambda: new_run_id(SystemClock().now()),
        pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$",
        description="Name of the run. Empty: made from the time.",
    )
    triggered_by: str = Field(
        default="", max_length=255, description="Who or what started it, for the record."
    )
