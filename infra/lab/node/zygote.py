"""The process that every container is a child of: ``python -m infra.lab.node.zygote FD [MODULE...]``.

It imports the given modules once and then forks: a Python program of the lab starts in milliseconds and
shares most of its memory with its siblings; any other program is forked and executed. It stays
single-threaded, so forking is safe, which the agent's asyncio process could not promise.

Orders arrive as JSON messages on a SOCK_SEQPACKET socket, with the file for stdout and stderr as a passed
descriptor. When the agent dies, however it dies, the socket closes or SIGTERM arrives (PR_SET_PDEATHSIG), and
every process below here is killed. If this process is killed, its direct children die with it.
"""

import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from infra.lab.node import lifeline

MESSAGE_LIMIT = 2**20


class Zygote:
    """Starts, signals and reaps the processes it is asked for."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._leaders: set[int] = set()
        self._stopping = False

    def serve(self) -> None:
        """Follow orders until the agent is gone, then kill everything that was started."""
        woken, wake = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _wake_only)
        signal.signal(signal.SIGTERM, self._stop)
        selector = selectors.DefaultSelector()
        selector.register(self._orders, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while not self._stopping:
            ready = {key.fd for key, _ in selector.select()}
            if woken in ready:
                with suppress(BlockingIOError):
                    os.read(woken, 4096)
                self._reap()
            if self._orders.fileno() in ready and not self._obey():
                break
        self._kill_everything()

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _obey(self) -> bool:
        """Carry out one order; False when the agent is gone."""
        data, files, _, _ = socket.recv_fds(self._orders, MESSAGE_LIMIT, 1)
        if not data:
            return False
        order = json.loads(data)
        if order["do"] == "start":
            self._start(order, files[0])
        elif order["do"] == "signal" and order["pid"] in self._leaders:
            with suppress(ProcessLookupError):
                os.killpg(order["pid"], order["signal"])
        return True

    def _start(self, order: dict[str, Any], output: int) -> None:
        told, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            _become(order, output=output, tell=tell)
        os.close(output)
        os.close(tell)
        self._leaders.add(pid)
        # The child closes its end once it leads its own group: it can be signalled from here on.
        with os.fdopen(told, "rb") as answer:
            problem = answer.read().decode()
        self._tell({"what": "started", "order": order["order"], "pid": pid, "problem": problem})

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._leaders:
                self._leaders.remove(pid)
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)  # a container ends with its first process
                self._tell({"what": "ended", "pid": pid, "code": os.waitstatus_to_exitcode(status)})

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            self._orders.send(json.dumps(message).encode())
        except OSError:
            self._stopping = True  # the agent is gone: nobody is left to work for

    def _kill_everything(self) -> None:
        for leader in self._leaders:
            with suppress(ProcessLookupError):
                os.killpg(leader, signal.SIGKILL)
        # Orphans of containers came to this process (child subreaper), also those that left their group.
        while children := lifeline.children_of(os.getpid()):
            for child in children:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(-1, 0)


def _wake_only(_signal: int, _frame: FrameType | None) -> None:
    """Signals are handled in the loop; this only lets the wake-up descriptor fire."""


def _become(order: dict[str, Any], *, output: int, tell: int) -> None:
    """In the child: turn into the container's process. Never returns."""
    try:
        _settle(order, output=output)
        if "module" in order:
            os.close(tell)
            os.closerange(3, 65536)
            code = _run_module(order)
        else:
            os.execvpe(order["argv"][0], order["argv"], order["env"])  # noqa: S606 - no shell wanted
    except OSError as error:
        os.write(tell, f"{error.strerror}: {order.get('argv', [order['name']])[0]}".encode())
        code = 127
    except BaseException:  # noqa: BLE001 - the child must end here, whatever happened
        traceback.print_exc()
        code = 1
    os._exit(code)


def _settle(order: dict[str, Any], *, output: int) -> None:
    """Own session, own output, own folder, default signals; dies with the zygote."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    lifeline.die_with_parent(signal.SIGKILL)
    lifeline.name_process(order["name"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in enumerate((nothing, output, output)):
        os.dup2(source, target)
    os.chdir(order["cwd"])


def _run_module(order: dict[str, Any]) -> int:
    """Run a Python module as the main program in this process; returns its exit code."""
    os.environ.clear()
    os.environ.update(order["env"])
    sys.argv = [order["module"], *order["args"]]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        _main_of(order["module"])()
        code = 0
    except SystemExit as end:
        code = _exit_code(end.code)
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _main_of(module: str) -> Callable[[], object]:
    """What to call for ``python -m module``: its ``main`` where it has one, else the module itself."""
    loaded = sys.modules.get(module)
    main = getattr(loaded, "main", None)
    if callable(main):
        return main  # type: ignore[no-any-return]

    def execute() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # it may have been imported already: on purpose
            runpy.run_module(module, run_name="__main__", alter_sys=True)

    return execute


def _exit_code(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)  # noqa: T201 - as the interpreter does for sys.exit("text")
    return 1


def _preload(modules: list[str]) -> None:
    """Import what will be forked often. One that fails will fail again in its container, and show there."""
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:  # noqa: BLE001 - any error at import time of somebody else's module
            print(f"zygote: cannot preload {module}: {error!r}", file=sys.stderr)  # noqa: T201 - the agent's log
    gc.collect()
    gc.freeze()  # the collector would otherwise touch, and so copy, every shared page


def main() -> None:
    """Serve orders on the socket whose number is the first argument."""
    lifeline.die_with_parent(signal.SIGTERM)
    lifeline.adopt_orphans()
    lifeline.name_process("lab-zygote")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the lab's main process; it ends the agent
    orders = socket.socket(fileno=int(sys.argv[1]))
    orders.set_inheritable(False)  # else a container would hold it open after this process has died
    os.chdir(Path(os.sep))
    _preload(sys.argv[2:])
    Zygote(orders).serve()


if __name__ == "__main__":
    main()
