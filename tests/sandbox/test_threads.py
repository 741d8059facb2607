"""What `threading` does after a fork, left out where it was done before."""

from __future__ import annotations

import subprocess
import sys

from lockgate_sandbox._zygote import threads

_LOAD = """
import os, sys, types

package = types.ModuleType("forking")
package.__path__ = [os.path.dirname(sys.argv[1])]
sys.modules["forking"] = package
from forking import threads

def forked(look, fork=threads.fork):
    reader, writer = os.pipe()
    pid = fork()
    if not pid:
        try:
            os.write(writer, repr(look()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    with os.fdopen(reader) as file:
        return eval(file.read())

def made_anew():
    return threading._active_limbo_lock is not lock
"""

_BEGIN = """
threads.claim()
import threading

settled = threads.settle()
lock = threading._active_limbo_lock
"""


def _run(code: str, *, begin: str = _BEGIN) -> str:
    program = [sys.executable, "-I", "-S", "-B", "-c", _LOAD + begin + code]
    done = subprocess.run(
        [*program, threads.__file__], capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def test_a_child_of_one_thread_leaves_the_work_out_and_does_it_for_its_own() -> None:
    code = (
        "print(settled, forked(made_anew), forked(lambda: forked(made_anew, os.fork)))"
    )
    assert _run(code) == "True False True"


def test_threads_and_locks_of_such_a_child_are_those_of_any_other() -> None:
    look = """
def look():
    seen = []
    thread = threading.Thread(target=lambda: seen.append(threading.active_count()))
    thread.start()
    thread.join(10)
    main = threading.main_thread()
    return [
        seen,
        thread.is_alive(),
        main is threading.current_thread(),
        main.ident == threading.get_ident(),
        main.is_alive(),
        threading.enumerate() == [main],
        getattr(threading, "_shutdown_locks", None),
        threading._active_limbo_lock.acquire(blocking=False),
    ]
"""
    ours = _run(look + "print(forked(look))")
    pythons = _run(look + "print(forked(look))", begin="import threading")
    assert ours == pythons
    assert ours.startswith("[[2], False, True")


_WAITING = """
waiting = threading.Event()
thread = threading.Thread(target=waiting.wait, daemon=True)
thread.start()
"""


def test_a_thread_that_runs_is_forgotten_in_a_child_as_ever() -> None:
    look = "print(forked(lambda: [made_anew(), thread.is_alive()]))\nwaiting.set()"
    begin = "threads.claim()\nimport threading\nlock = threading._active_limbo_lock\n"
    early = begin + _WAITING + "assert not threads.settle()\n"
    assert _run(look, begin=early) == "[True, False]"
    assert _run(_WAITING + look) == "[True, False]"


def test_a_thread_that_threading_alone_knows_of_is_one() -> None:
    code = """
threading._active[-1] = threading.main_thread()
print(forked(made_anew))
"""
    assert _run(code) == "True"


def test_where_somebody_came_first_nothing_is_left_out() -> None:
    assert _run(
        "print(settled, forked(made_anew))", begin="import threading\n" + _BEGIN
    ) == ("False True")


def test_hooks_of_others_run_and_are_registered_as_ever() -> None:
    code = """
drawn = []
os.register_at_fork(after_in_child=lambda: drawn.append(1))
print(forked(lambda: drawn), os.register_at_fork.__name__)
"""
    assert _run(code) == "[1] register_at_fork"
