"""Processes of the lab's pods: started through the zygote, bound to its life, never left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from infra.lab.node import left_overs
from infra.lab.node.images import AGNHOST_MODULE, SHOP_MODULES
from infra.lab.node.spawner import Program, Spawner, StartError

ENVIRONMENT = {"PATH": os.environ["PATH"], "POD_IP": "127.93.16.2", "MARK": "of the test"}


class Output:
    """A pipe that a program writes to."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()

    async def text(self) -> str:
        """Everything, once every writer is gone."""
        chunks = []
        while chunk := await asyncio.to_thread(os.read, self.reading, 65536):
            chunks.append(chunk)
        os.close(self.reading)
        return b"".join(chunks).decode()


def with_spawner(story: Callable[[Spawner], Awaitable[None]], *, preload: tuple[str, ...] = ()) -> None:
    async def run() -> None:
        spawner = Spawner(preload)
        await spawner.open()
        try:
            await asyncio.wait_for(story(spawner), 20)
        finally:
            await spawner.close()

    asyncio.run(run())


async def finished(spawner: Spawner, program: Program, cwd: Path = Path("/tmp")) -> tuple[int, str]:
    output = Output()
    process = await spawner.start(program, env=ENVIRONMENT, cwd=cwd, name="test", output=output.writing)
    code = await process.ended
    return code, await output.text()


def test_a_program_gets_its_environment_folder_and_output(tmp_path):
    async def story(spawner: Spawner) -> None:
        code, text = await finished(
            spawner, Program(("sh", "-c", 'echo "$MARK $PWD"; echo bad >&2; exit 3')), tmp_path
        )
        assert (code, text) == (3, f"of the test {tmp_path}\nbad\n")

    with_spawner(story)


def test_a_module_runs_in_a_fork_as_if_it_were_the_main_program():
    async def story(spawner: Spawner) -> None:
        code, text = await finished(spawner, Program((), "this"))
        assert code == 0
        assert text.startswith("The Zen of Python")
        code, text = await finished(spawner, Program(("no-such-command",), AGNHOST_MODULE))
        assert code == 1
        assert "only pause and netexec" in text

    with_spawner(story, preload=(AGNHOST_MODULE, *SHOP_MODULES))


def test_a_module_that_does_not_exist_fails_with_a_traceback_in_its_own_log():
    async def story(spawner: Spawner) -> None:
        code, text = await finished(spawner, Program((), "no_such_module_here"))
        assert code == 1
        assert "no_such_module_here" in text

    with_spawner(story)


def test_a_program_that_does_not_exist_is_refused_with_the_systems_words():
    async def story(spawner: Spawner) -> None:
        with pytest.raises(StartError, match="No such file or directory: no-such-program"):
            await finished(spawner, Program(("no-such-program",)))

    with_spawner(story)


def test_the_signal_that_ends_a_program_is_told():
    async def story(spawner: Spawner) -> None:
        output = Output()
        program = Program(("sleep", "60"))
        process = await spawner.start(
            program, env=ENVIRONMENT, cwd=Path("/"), name="x", output=output.writing
        )
        process.signal(signal.SIGTERM)
        assert await process.ended == -signal.SIGTERM
        await output.text()

    with_spawner(story)


def test_many_programs_start_at_once():
    async def story(spawner: Spawner) -> None:
        script = Program(("sh", "-c", "exit 5"))
        results = await asyncio.gather(*(finished(spawner, script) for _ in range(60)))
        assert {code for code, _ in results} == {5}

    with_spawner(story)


def test_a_zygote_that_dies_ends_every_process_and_is_noticed():
    async def story(spawner: Spawner) -> None:
        output = Output()
        program = Program(("sh", "-c", "sleep 60 & exec sleep 60"))
        process = await spawner.start(
            program, env=ENVIRONMENT, cwd=Path("/"), name="x", output=output.writing
        )
        assert spawner._zygote is not None
        spawner._zygote.kill()
        assert await process.ended == -signal.SIGKILL
        await spawner.lost.wait()
        await output.text()  # ends only when the last of them is gone
        with pytest.raises(StartError, match="zygote process has ended"):
            await finished(spawner, Program(("true",)))

    with_spawner(story)


AGENT = """
    import asyncio, os, sys
    from pathlib import Path
    from infra.lab.node.spawner import Program, Spawner

    async def main():
        spawner = Spawner()
        await spawner.open()
        folder = Path(sys.argv[1])
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder / "home")}
        script = "sleep 60 & setsid sleep 60 & echo started; wait"
        await spawner.start(
            Program(("sh", "-c", script)), env=environment, cwd=folder, name="x", output=os.dup(1)
        )
        print(spawner._zygote.pid, flush=True)
        await asyncio.sleep(60)

    asyncio.run(main())
"""


def start_agent(folder: Path) -> tuple[subprocess.Popen, int]:
    """An agent with one container, in a process of its own; also the zygote's process id."""
    command = [sys.executable, "-c", textwrap.dedent(AGENT), str(folder)]
    agent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert agent.stdout is not None
    lines = {agent.stdout.readline().strip(), agent.stdout.readline().strip()}
    lines.discard("started")
    return agent, int(lines.pop())


def marked(folder: Path) -> int:
    mark = f"HOME={folder}{os.sep}".encode()
    return sum(
        left_overs._is_marked(entry, mark) for entry in Path("/proc").iterdir() if entry.name.isdigit()
    )


def nothing_runs(folder: Path) -> bool:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if marked(folder) == 0:
            return True
        time.sleep(0.02)
    return False


def test_no_process_outlives_an_agent_that_was_killed(tmp_path):
    agent, _ = start_agent(tmp_path)
    agent.kill()
    agent.wait()
    assert nothing_runs(tmp_path)
    agent.stdout.close()


def test_what_outlives_agent_and_zygote_is_found_by_the_next_agent(tmp_path):
    agent, zygote = start_agent(tmp_path)
    agent.send_signal(signal.SIGSTOP)  # it must not notice, nor clean up
    with suppress(ProcessLookupError):
        os.kill(zygote, signal.SIGKILL)
    agent.kill()
    agent.wait()
    left_overs.kill(tmp_path)
    assert nothing_runs(tmp_path)
    agent.stdout.close()
