"""The latest facts of a run, for each of its policies. Safe from any thread."""

import threading
from collections.abc import Iterable

from guardrails.facts import Facts
from windtunnel.model.policy import Policy


class KnownFacts:
    """Keeps the newest good reading of each fact; one that failed does not replace a good one, which ages."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_policy: dict[int, Facts] = {}

    def learn(self, policies: Iterable[Policy], facts: Facts) -> None:
        """Take in newly read *facts* for each of *policies*."""
        with self._lock:
            for policy in policies:
                before = self._by_policy.get(id(policy), Facts()).by_name
                good = {n: f for n, f in facts.by_name.items() if f.known or n not in before}
                self._by_policy[id(policy)] = Facts({**before, **good})

    def of(self, policy: Policy) -> Facts:
        """Return what is known for *policy*."""
        with self._lock:
            return self._by_policy.get(id(policy), Facts())
