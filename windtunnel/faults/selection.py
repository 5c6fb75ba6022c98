"""Choosing victims: how many, and which. Pure; chance comes from the caller's seeded generator."""

import math
import random
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeVar

from windtunnel.clients.targets import PodRef
from windtunnel.model.errors import FaultError

Item = TypeVar("Item")


class Order(StrEnum):
    """Which of the candidates go first."""

    RANDOM = "random"
    OLDEST = "oldest"
    NEWEST = "newest"


def how_many(*, candidates: int, count: int | None, percent: float | None) -> int:
    """Return the number of victims: *count*, or *percent* rounded down but at least one; one by default.

    Raises:
        FaultError: both are given, there is no candidate, or more are asked for than there are.
    """
    if count is not None and percent is not None:
        msg = "count and percent exclude each other; give one of them"
        raise FaultError(msg)
    if candidates == 0:
        msg = "there is nothing to choose from: the target has no candidate"
        raise FaultError(msg)
    if percent is not None:
        return max(1, math.floor(candidates * percent / 100))
    wanted = 1 if count is None else count
    if wanted > candidates:
        msg = f"{wanted} are asked for, and the target has {candidates}; no others are taken in their place"
        raise FaultError(msg)
    return wanted


def choose_pods(
    pods: Sequence[PodRef], *, number: int, order: Order, rng: random.Random
) -> tuple[PodRef, ...]:
    """Return *number* of *pods*. The same pods, in whatever order, and the same seed give the same."""
    by_name = sorted(pods, key=lambda pod: (pod.namespace, pod.name))
    match order:
        case Order.RANDOM:
            return tuple(rng.sample(by_name, number))
        case Order.OLDEST:
            return tuple(sorted(by_name, key=lambda pod: pod.created)[:number])
        case Order.NEWEST:
            return tuple(sorted(by_name, key=lambda pod: pod.created, reverse=True)[:number])


def choose(
    items: Sequence[Item], *, number: int, key: Callable[[Item], str], rng: random.Random
) -> tuple[Item, ...]:
    """Return *number* of *items* by chance, whatever order they come in."""
    return tuple(rng.sample(sorted(items, key=key), number))
