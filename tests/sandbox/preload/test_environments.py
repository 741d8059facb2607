"""Zygotes with foreign code loaded: what they give."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import cast

import numpy
import pytest

from lockgate_sandbox import (
    DiskLimitError,
    Policy,
    PolicyError,
    Program,
    Sandbox,
    StartError,
    Tier,
    Worker,
    WorkerDiedError,
)
from tests.sandbox.preload.environments import worker_of
from tests.support.layers import ORDINARY_UID, Base
from tests.support.ordinary import run_as_ordinary
from tests.support.sandbox import (
    Lab,
    alive,
    open_folder,
    parent_of,
    policy,
    run,
    wait_until,
)

pytestmark = pytest.mark.kernel


def test_a_module_is_loaded_once_for_all_workers_of_its_environment(lab: Lab) -> None:
    code = """
        import library, os
        library.STATE.append(1)
        result = [library.BORN_IN == os.getppid(), len(library.STATE)]
    """
    with worker_of(lab, policy(), "library") as one:
        assert one.call("result = 1", {}).usage.peak_memory_bytes > 1 << 20
        with worker_of(lab, policy(), "library") as other:
            assert run(one, code) == run(other, code) == [True, 1]
            assert one.pid != other.pid
            assert parent_of(one.pid) == parent_of(other.pid)
        with worker_of(lab, policy(Tier.BASIC), "library") as foreign:
            assert parent_of(foreign.pid) != parent_of(one.pid)


@pytest.mark.parametrize("tier", [Tier.READ_ONLY, Tier.BASIC])
def test_such_a_worker_has_the_seal_of_its_policy(lab: Lab, tier: Tier) -> None:
    code = """
        import os, signal, socket
        def attempt(act):
            try:
                act()
            except OSError as error:
                return type(error).__name__
            return "done"
        result = {
            "fork": attempt(os.fork),
            "exec": attempt(lambda: os.execv("/bin/true", ["true"])),
            "read": attempt(lambda: open("/etc/passwd")),
            "write": attempt(lambda: open("/tmp/lockgate-x", "w")),
            "socket": attempt(socket.socket),
            "zygote": attempt(lambda: os.kill(os.getppid(), signal.SIGKILL)),
            "sibling": attempt(lambda: os.kill(sibling, signal.SIGKILL)),
        }
    """
    with (
        worker_of(lab, policy(tier), "library") as one,
        worker_of(lab, policy(tier), "library") as other,
    ):
        found = run(one, code, sibling=other.pid)
        assert isinstance(found, dict)
        assert set(map(str, found.values())) == {"PermissionError"}, found
        assert run(other, "result = 1") == 1


def test_the_posture_says_what_preloading_weakens(lab: Lab) -> None:
    with (
        worker_of(lab, policy()) as plain,
        worker_of(lab, policy(), "library") as worker,
    ):
        assert plain.posture["seccomp"].state == "active"
        for name in ("seccomp", "process-limit"):
            assert worker.posture[name].state == "degraded"
            assert worker.posture[name].remedy
        assert worker.posture["landlock"].state == "active"
        assert worker.posture["capabilities"].state == "active"


def test_without_its_filter_such_a_worker_could_fork() -> None:
    with open_folder() as folder, Sandbox.open(layers={"seccomp": "off"}) as sandbox:
        lab = Lab(sandbox, folder)
        lab.write("library", "")
        code = """
            import os
            pid = os.fork()
            if not pid:
                os._exit(0)
            result = os.waitpid(pid, 0)[1]
        """
        with worker_of(lab, policy(), "library") as worker:
            assert run(worker, code) == 0


def test_a_plugin_is_no_library_of_its_own(lab: Lab) -> None:
    with pytest.raises(PolicyError, match="plugin itself") as caught:
        worker_of(lab, policy(), "lab_target")
    assert caught.value.hint


def test_a_plugin_with_programs_is_imported_once_for_all_its_workers(lab: Lab) -> None:
    given = Policy.for_tier("elevated", programs=[Program("true", "/bin/true")])
    code = (
        "import os, lab_target; result = [os.getppid(), lab_target.build is not None]"
    )
    with (
        worker_of(lab, given, "lab_target") as one,
        worker_of(lab, given, "lab_target") as other,
    ):
        assert run(one, code) == run(other, code)
        ended = "import subprocess; result = subprocess.run(['/bin/true']).returncode"
        assert run(one, ended) == 0


def test_a_module_that_can_not_be_loaded_is_told(lab: Lab) -> None:
    for _ in range(2):
        with pytest.raises(StartError) as caught:
            worker_of(lab, policy(), "missing")
        assert caught.value.stage == "preload"


def test_a_worker_shows_what_it_is_and_not_what_its_zygote_has_built(lab: Lab) -> None:
    code = """
        has_scratch = session.scratch is not None
        result = [session.name, session.tier, has_scratch, session.programs]
    """
    for tier in (Tier.READ_ONLY, Tier.BASIC):
        for name in ("one", "other"):
            with lab.sandbox.worker(
                policy(tier),
                target="lab_target:build",
                path=[str(lab.folder)],
                preload=["library"],
                name=name,
            ) as worker:
                assert run(worker, code) == [name, tier.value, tier is Tier.BASIC, {}]


@pytest.mark.parametrize(
    "hostile",
    [
        """
        import threading
        def refuse():
            raise RuntimeError("no")
        threading._after_fork = refuse
        """,
        """
        import sys
        class Finder:
            def find_spec(self, name, *_):
                if name == "colorsys":
                    raise RuntimeError("no")
        sys.meta_path.insert(0, Finder())
        """,
    ],
)
def test_a_module_that_spoils_what_a_zygote_practises_can_be_preloaded(
    lab: Lab, hostile: str
) -> None:
    lab.write("spoiler", hostile)
    with worker_of(lab, policy(), "spoiler") as worker:
        assert run(worker, "import spoiler; result = 1") == 1


def test_a_thread_of_a_preloaded_module_goes_on(lab: Lab) -> None:
    lab.write(
        "ticker",
        """
        import threading, time
        COUNT = [0]
        def tick():
            while True:
                COUNT[0] += 1
                time.sleep(0.001)
        THREAD = threading.Thread(target=tick, daemon=True)
        THREAD.start()
        while not COUNT[0]:
            time.sleep(0.001)
        """,
    )
    first = _ticks(lab)
    assert wait_until(lambda: _ticks(lab) > first)


def test_what_a_module_did_to_the_scene_of_its_workers_is_undone(lab: Lab) -> None:
    lab.write(
        "scene_shifter",
        """
        import __main__, sys
        __main__.shifted = True
        sys.path.insert(0, "/nowhere")
        """,
    )
    code = """
        import __main__, sys
        __main__.mine = __main__.__dict__.get("mine", 0) + 1
        result = [hasattr(__main__, "shifted"), "/nowhere" in sys.path, __main__.mine]
        sys.path.append("/elsewhere")
        result.append(sys.path.count("/elsewhere"))
    """
    for _ in range(2):
        with worker_of(lab, policy(), "scene_shifter") as worker:
            assert run(worker, code) == [False, False, 1, 1]


def test_a_worker_starts_threads_of_its_own(lab: Lab) -> None:
    code = """
        import logging, threading
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(4) as pool:
            result = [sum(pool.map(abs, range(-50, 1)))]
        main = threading.main_thread() is threading.current_thread()
        result += [threading.active_count(), main]
    """
    with worker_of(lab, policy(), "threading") as worker:
        assert run(worker, code) == [1275, 1, True]


def _ticks(lab: Lab) -> int:
    with worker_of(lab, policy(), "ticker") as worker:
        # A fork takes one thread along.
        assert run(worker, "import ticker; result = ticker.THREAD.is_alive()") is False
        found = run(worker, "import ticker; result = ticker.COUNT[0]")
    assert isinstance(found, int)
    return found


def test_a_worker_that_dies_does_not_take_the_others_along(lab: Lab) -> None:
    with worker_of(lab, policy(), "library") as one:
        other = worker_of(lab, policy(), "library")
        with pytest.raises(WorkerDiedError) as caught:
            run(other, "import os; os._exit(3)")
        assert caught.value.status == 3
        assert run(one, "result = 1") == 1


def test_an_environment_without_room_says_so_at_once(lab: Lab) -> None:
    few = policy(limits={"open_files": 16})
    workers: list[Worker] = []

    def fill() -> None:
        while len(workers) < 16:
            workers.append(worker_of(lab, few, "library"))

    started = time.monotonic()
    with pytest.raises(StartError, match="no room") as caught:
        fill()
    assert time.monotonic() - started < 10  # not the time that a zygote may take
    assert "open_files" in caught.value.hint
    assert [run(worker, "result = 1") for worker in workers] == [1] * len(workers)
    workers.pop().close()
    workers.pop().close()
    with worker_of(lab, few, "library") as another:
        assert run(another, "result = 2") == 2


def test_a_pool_can_preload(lab: Lab) -> None:
    with lab.sandbox.pool(
        policy(), target="lab_target:build", path=[str(lab.folder)], preload=["library"]
    ) as pool:
        assert wait_until(lambda: pool.ready == 2)
        code = "import library, os; result = library.BORN_IN == os.getppid()"
        for _ in range(3):
            with pool.worker() as worker:
                assert run(worker, code) is True


def test_nothing_is_left_of_zygotes_with_foreign_code(
    lab: Lab,
) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with open_folder() as folder, Sandbox.open() as sandbox:
        mine = Lab(sandbox, folder)
        mine.write("library", "")
        workers = [worker_of(mine, policy(), "library") for _ in range(4)]
        tree = [workers[0].pid, parent_of(workers[0].pid)]
        workers[0].close()
        assert not alive(tree[0])
        assert alive(tree[1])
    assert wait_until(lambda: not any(map(alive, tree)))
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208


_DRIVER = """
import os
from lockgate_sandbox import Policy, Sandbox

with Sandbox.open() as sandbox:
    found = []
    for _ in range(3):
        given = Policy.for_tier("read-only")
        options = {"target": "target:build", "path": [os.getcwd()]}
        with sandbox.worker(given, preload=["library"], **options) as worker:
            found.append(worker.call("look").value)
    print(os.geteuid(), *found, sep="|")
"""

_LIBRARY = """
import os
BORN_IN = os.getpid()
try:
    open(os.path.join(os.environ.get("HOME", "/"), "left"), "w")
    WROTE = True
except OSError:
    WROTE = False
"""

_TARGET = """
import library, os

def build(session):
    def handler(method, arguments):
        try:
            os.fork()
            forked = True
        except OSError:
            forked = False
        return [library.BORN_IN == os.getppid(), library.WROTE, forked]
    return handler
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take another uid")
def test_an_ordinary_users_workers_are_preloaded_and_sealed(base: Base) -> None:
    files = {"driver.py": _DRIVER, "library.py": _LIBRARY, "target.py": _TARGET}

    done = run_as_ordinary(base, ["driver.py"], files)

    expected = "|".join([str(ORDINARY_UID), *["[True, False, False]"] * 3])
    assert done.stdout == expected + "\n", done.stderr


_DRAW = """
import numpy, random, library
result = [random.random(), float(numpy.random.rand()), library.OWN.rand()]
"""


def test_workers_draw_different_numbers_but_from_what_a_library_seeded(
    lab: Lab,
) -> None:
    lab.write("library", "import numpy\nOWN = numpy.random.RandomState()\n")
    path = [str(lab.folder), str(Path(numpy.__file__).parents[1])]
    drawn: list[list[float]] = []
    for _ in range(2):
        with lab.sandbox.worker(
            Policy.for_tier("elevated"),
            target="lab_target:build",
            path=path,
            preload=("library",),
        ) as worker:
            drawn.append(cast("list[float]", run(worker, _DRAW)))
    (one, first, own), (two, second, same) = drawn
    assert one != two
    assert first != second
    assert own == same


def test_a_sandbox_of_its_own_shares_no_secret_of_pythons(lab: Lab) -> None:
    code = "result = hash('a text')"
    with Sandbox.open() as other:
        apart = Lab(other, lab.folder).run(policy(), code)
    assert lab.run(policy(), code) == lab.run(policy(Tier.BASIC), code) != apart


def test_a_worker_that_goes_with_its_zygote_is_told_the_limit(unmounted: Lab) -> None:
    code = """
        for number in range(20):
            with open(str(number), "wb") as file:
                file.write(bytes(1 << 18))
        import time
        time.sleep(30)
    """
    given = policy(Tier.BASIC, limits={"disk_bytes": 1 << 20})
    with (
        worker_of(unmounted, given, "json") as worker,
        pytest.raises(DiskLimitError),
    ):
        run(worker, code)
