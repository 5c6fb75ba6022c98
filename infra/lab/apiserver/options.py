"""The query parameters that writes share: dryRun and fieldValidation."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.lab.objects import statuses
from infra.lab.objects.statuses import Cause, StatusError


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What a write may ask for beside its body."""

    dry_run: bool
    field_validation: str

    @classmethod
    def of(cls, query: Mapping[str, str], kind: str) -> "WriteOptions":
        """Read and check the query; `kind` names the options in refusals."""
        dry_run = query.get("dryRun", "")
        causes = []
        if dry_run not in {"", "All"}:
            words = f'Unsupported value: ["{dry_run}"]: supported values: "All"'
            causes.append(Cause("FieldValueNotSupported", words, "dryRun"))
        validation = query.get("fieldValidation", "") or "Warn"
        if validation not in {"Warn", "Strict", "Ignore"}:
            words = f'Unsupported value: "{validation}": supported values: "", "Ignore", "Strict", "Warn"'
            causes.append(Cause("FieldValueNotSupported", words, "fieldValidation"))
        if causes:
            raise StatusError(statuses.invalid_options(kind, causes))
        return cls(dry_run == "All", validation)
