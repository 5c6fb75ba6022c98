"""The command probe with real programs."""

import os
import sys
import time
from pathlib import Path

import pytest

from windtunnel.clock import SystemClock
from windtunnel.model.comparison import parse_comparison
from windtunnel.model.experiment import CommandProbe, Probe
from windtunnel.probes import Answer, ProbeContext, look


def run(*argv: str, timeout_s: float = 10.0, **more) -> Answer:
    return look(
        Probe("check", CommandProbe(argv=argv, **more), timeout_s=timeout_s), ProbeContext(), SystemClock()
    )


def python(code: str, *argv: str, **more) -> Answer:
    return run(sys.executable, "-c", code, *argv, **more)


def test_exit_status_zero_is_a_hit():
    assert run("true").ok is True


def test_another_exit_status_is_a_miss_that_tells_what_the_program_said():
    answer = python("import sys; sys.exit('the disk is full')")
    assert answer.ok is False
    assert "exit status 1, expected 0: the disk is full" in answer.detail


def test_another_exit_status_can_be_expected():
    assert run("false", exit_code=1).ok is True


def test_no_shell_reads_the_arguments():
    answer = run("echo", "$HOME; touch /tmp/never", matches=r"^\$HOME; touch")
    assert answer.ok is True


def test_output_is_matched_and_compared():
    assert run("echo", "all good", matches="good$").ok is True
    assert run("echo", "all bad", matches="good$").ok is False
    assert run("echo", "0.97", expect=parse_comparison(">= 0.9")) == Answer(
        ok=True, value=0.97, detail="0.97, expected >= 0.9"
    )


def test_output_that_is_no_number_is_no_answer():
    answer = run("echo", "many", expect=parse_comparison("> 0"))
    assert answer.ok is None
    assert "one number is expected" in answer.error


def test_a_program_that_does_not_exist_is_no_answer():
    answer = run("no-such-program-anywhere")
    assert answer.ok is None
    assert "cannot be started" in answer.error


def test_a_program_that_hangs_is_killed_with_everything_it_started(tmp_path):
    code = "import subprocess, sys, time; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True)\n"
    code += f"open({str(tmp_path / 'pid')!r}, 'w').write(str(p.pid)); time.sleep(60)"
    answer = python(code, timeout_s=1.5)
    assert answer.ok is None
    assert "did not end within 1.5 s" in answer.error
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_program_that_leaves_a_child_with_its_output_open_still_answers(tmp_path):
    code = "import subprocess; p = subprocess.Popen(['sleep', '60'])\n"
    code += f"open({str(tmp_path / 'pid')!r}, 'w').write(str(p.pid))"
    assert python(code).ok is True
    assert gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_endless_output_does_not_keep_the_probe_from_its_timeout(stream):
    answer = python(f"import sys\nwhile True: sys.{stream}.write('x' * 100000)", timeout_s=0.5)
    assert answer.ok is None
    assert "did not end" in answer.error


def gone(pid: int) -> bool:
    """Wait, since a killed process is gone only once it has been reaped."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
            if "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:1]:
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False
