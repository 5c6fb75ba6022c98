"""A step of a run as a Prefect task that ends in a named state and tells the flow whether to go on."""

from collections.abc import Callable
from dataclasses import dataclass

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from tasks.live_run import LiveRun


@dataclass(frozen=True, slots=True)
class Ending:
    """How a step ended. *name* is what the Prefect UI shows; a step that failed is red there."""

    go_on: bool
    name: str
    message: str
    failed: bool = False

    def state(self) -> State[None]:
        """Return it as the Prefect state of the task run."""
        kind = Failed if self.failed else Completed
        return kind(name=self.name, message=self.message)


def step(name: str) -> Callable[[Callable[[LiveRun], Ending]], Callable[[LiveRun], bool]]:
    """Make a function over a live run a Prefect task named *name*, without retries, cache or stored result.

    Retries are off because a step that changes the cluster must not do so twice; what may be asked again
    (reads) is retried in the clients. An exception inside the function is raised to the flow as it is.
    """

    def wrap(function: Callable[[LiveRun], Ending]) -> Callable[[LiveRun], bool]:
        @task(name=name, description=function.__doc__, cache_policy=NO_CACHE, persist_result=False, retries=0)
        def body(run: LiveRun, endings: list[Ending]) -> State[None]:
            ending = function(run)
            endings.append(ending)
            return ending.state()

        def call(run: LiveRun) -> bool:
            endings = _Endings()
            state = body(run, endings, return_state=True)
            if not endings:
                state.result()  # raises what the function raised
            return endings[0].go_on

        call.__doc__ = function.__doc__
        return call

    return wrap


class _Endings(list[Ending]):
    """A list that Prefect passes by reference; it copies plain ones when it looks for futures in them."""
