"""Every error that windtunnel raises on purpose.

    WindtunnelError
      +-- InputError             a file, flag or name the user gave cannot be used (exit 2)
      +-- ClusterError           the Kubernetes API could not be asked, or refused
      |     +-- NotFoundError    the object is not there
      |     +-- ConflictError    somebody else changed or holds the object
      |     +-- RefusedError     401, 403, or a disruption budget (429)
      |     +-- UnreachableError no answer at all
      +-- ProbeError             a probe could not answer
      +-- TargetError            the target cannot be resolved as the experiment names it
      +-- FaultError             a fault could not be prepared or injected
      +-- UndoError              something injected could not be undone
      +-- LeaseHeldError         another run holds a thing; names the holder
      +-- LedgerError            the record could not be written or read
      +-- SourceError            a source of facts for a guardrail could not be read
      |     +-- PrefectApiError  the Prefect API could not be asked
      +-- NotifyError            a message could not be delivered

A refusal by a guardrail is no exception: it is a `Decision` (windtunnel.model.decision).
"""

from http.client import BAD_REQUEST, INTERNAL_SERVER_ERROR

from windtunnel.model.ticket import ObjectRef


class WindtunnelError(Exception):
    """Base of all. `str(error)` is one or two plain sentences: what failed, where, and what to do."""


class InputError(WindtunnelError):
    """Something the user wrote cannot be used; the message names file, line and column where there is one."""


class ClusterError(WindtunnelError):
    """A call to the Kubernetes API failed. `status` is the HTTP status, or 0 when there was no answer."""

    def __init__(
        self, message: str, *, status: int = 0, reason: str = "", retry_after_s: float = 0.0
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after_s = retry_after_s  # what the server asked for; 0 when it did not

    @property
    def is_refusal(self) -> bool:
        """Whether the server said no (4xx): only then is it certain that a write changed nothing."""
        return BAD_REQUEST <= self.status < INTERNAL_SERVER_ERROR


class NotFoundError(ClusterError):
    """The object, its namespace or its kind does not exist (404)."""


class ConflictError(ClusterError):
    """The object changed since it was read, exists already, or a precondition failed (409)."""


class RefusedError(ClusterError):
    """The server understood and said no: 401, 403, or 429 by a disruption budget."""


class UnreachableError(ClusterError):
    """No answer: connection refused, timeout, TLS failure, or a missing kubeconfig."""


class ProbeError(WindtunnelError):
    """A probe could not answer. It counts against the run, never for it."""


class TargetError(WindtunnelError):
    """The target named by the experiment cannot be resolved; nothing is chosen in its place."""


class FaultError(WindtunnelError):
    """A fault could not be prepared or injected. `hit` is what was changed all the same before it failed."""

    def __init__(self, message: str, *, hit: tuple[ObjectRef, ...] = ()) -> None:
        super().__init__(message)
        self.hit = hit


class UndoError(WindtunnelError):
    """Something that was injected could not be undone."""


class LeaseHeldError(WindtunnelError):
    """Another run holds `thing`. `holder` names it; `until` says until when (RFC 3339), if that is known."""

    def __init__(self, message: str, *, holder: str, until: str, thing: str) -> None:
        super().__init__(message)
        self.holder = holder
        self.until = until
        self.thing = thing


class LedgerError(WindtunnelError):
    """The record could not be written or read. A run whose record cannot be written does not inject."""


class NotifyError(WindtunnelError):
    """A message could not be delivered. It never stops undo and never changes a verdict."""


class SourceError(WindtunnelError):
    """A calendar, a freeze, an incident tracker or another source of facts could not be read."""


class PrefectApiError(SourceError):
    """The Prefect API could not be asked, or none is configured."""
