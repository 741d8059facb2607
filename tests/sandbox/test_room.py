"""Files counted by asking the warden, where no tmpfs bounds the scratch folder.

Mount namespaces are switched off, which leaves what a plain container has.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import cast

import pytest

from lockgate_sandbox import InodeLimitError, Policy
from lockgate_sandbox.linux._libc import NUMBERS
from tests.sandbox.roomy import LIMIT, RAW, START, programs, small
from tests.support.sandbox import Lab, goes_past, run

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("given", [small(), programs()], ids=["basic", "programs"])
def test_the_posture_says_who_counts(unmounted: Lab, given: Policy) -> None:
    with unmounted.worker(given) as worker:
        layer = worker.posture["scratch"]
    assert layer.state == "degraded"
    assert f"before each of {LIMIT} files is made" in layer.detail
    assert layer.remedy


_MAKES = {
    "open": "os.close(os.open(str(n), os.O_CREAT | os.O_WRONLY))",
    "exclusive": "os.close(os.open(str(n), os.O_CREAT | os.O_EXCL))",
    "mkdir": "os.mkdir(str(n))",
    "symlink": "os.symlink('/nowhere', str(n))",
    "link": "os.link('first', str(n))",
    "at": "os.mkdir(str(n), dir_fd=folder)",
    "nested": "os.makedirs('d' * (n + 1), exist_ok=True)",
    "exchange": "open('t', 'w').close(); os.rename('t', str(n))",
}

_RAW_MAKES = {
    "open": "os.close(raw('open', name, os.O_CREAT | os.O_WRONLY, 0o600))",
    "creat": "os.close(raw('creat', name, 0o600))",
    "link": "raw('link', b'first', name)",
    "linkat": "raw('linkat', -100, b'first', -100, name, 0)",
    "symlinkat": "raw('symlinkat', b'/nowhere', -100, name)",
    "mknod": "raw('mknod', name, 0o100600, 0)",
    "mknodat": "raw('mknodat', -100, name, 0o100600, 0)",
    "rename": "open('t', 'w').close(); raw('rename', b't', name)",
    "renameat": "open('t', 'w').close(); raw('renameat', -100, b't', -100, name)",
    "renameat2": "open('t', 'w').close(); raw('renameat2', -100, b't', -100, name, 0)",
}
"""By system calls that the C library makes others of, where the machine has them."""

_BOMB = """
folder = os.open(".", os.O_RDONLY)
open("first", "w").close()
result = 0
try:
    for n in range(400):
        {make}
except OSError as error:
    result = error.errno
result = [result, len(os.listdir("."))]
"""


@pytest.mark.parametrize("make", _MAKES)
def test_every_way_to_make_a_file_stops_at_the_limit(unmounted: Lab, make: str) -> None:
    code = START + _BOMB.format(make=_MAKES[make])
    errno, count = cast("list[int]", unmounted.run(small(), code))
    assert errno == 122  # EDQUOT
    assert count in (LIMIT, LIMIT - 1)  # "exchange" needs one to rename


@pytest.mark.parametrize("call", _RAW_MAKES)
def test_so_does_each_system_call_that_makes_one(unmounted: Lab, call: str) -> None:
    if call not in NUMBERS:
        pytest.skip(f"this machine has no {call}")
    make = f"name = str(n).encode(); {_RAW_MAKES[call]}"
    code = START + RAW + _BOMB.format(make=make)
    errno, count = cast("list[int]", unmounted.run(small(), code))
    if errno == 1 and call.startswith("mknod"):
        pytest.skip("refused to a worker with somebody's uid")
    assert errno == 122  # EDQUOT
    assert count in (LIMIT, LIMIT - 1)


def test_the_bomb_goes_off_when_nobody_counts(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("scratch", "uid")
    code = START + _BOMB.format(make=_MAKES["open"])
    assert goes_past(lab, small(), code, [0, 401])


def test_it_is_reported_as_what_it_is(unmounted: Lab) -> None:
    code = START + "for n in range(400): open(str(n), 'w').close()"
    with unmounted.worker(small()) as worker:
        with pytest.raises(InodeLimitError) as caught:
            run(worker, code)
        assert caught.value.claimed
        assert run(worker, "result = 1") == 1


def test_what_is_removed_gives_its_room_back(unmounted: Lab) -> None:
    code = """
        for n in range(20 * 60):
            open(str(n), "w").close()
            if n % 60 == 59:
                for name in os.listdir("."):
                    os.unlink(name)
        result = "through"
    """
    with unmounted.worker(small()) as worker:
        assert worker.call(START + textwrap.dedent(code)).value == "through"


def test_an_open_that_makes_nothing_is_never_refused(unmounted: Lab) -> None:
    code = """
        for n in range(64):
            open(str(n), "w").close()
        for n in range(500):
            open(str(n % 64)).close()
            os.close(os.open(str(n % 64), os.O_WRONLY | os.O_TRUNC))
        result = "through"
    """
    assert unmounted.run(small(), START + textwrap.dedent(code)) == "through"


def test_many_threads_at_once_do_not_get_past_the_limit(unmounted: Lab) -> None:
    code = """
        def bomb(who):
            try:
                for n in range(100):
                    open(f"{who}-{n}", "w").close()
            except OSError:
                pass
        threads = [threading.Thread(target=bomb, args=(n,)) for n in range(16)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        result = len(os.listdir("."))
    """
    assert unmounted.run(small(), START + textwrap.dedent(code)) == LIMIT


def test_children_count_together_with_their_parent(unmounted: Lab) -> None:
    code = """
        for who in range(8):
            if not os.fork():
                try:
                    for n in range(100):
                        os.mkdir(f"{who}-{n}")
                finally:
                    os._exit(0)
        for _ in range(8):
            os.wait()
        result = len(os.listdir("."))
    """
    assert unmounted.run(programs(), START + textwrap.dedent(code)) == LIMIT


def test_temporary_files_work_without_nameless_ones(unmounted: Lab) -> None:
    code = """
        import tempfile
        for _ in range(200):
            with tempfile.TemporaryFile() as file:
                file.write(b"x")
            with tempfile.TemporaryDirectory() as folder:
                open(f"{folder}/f", "w").close()
        result = "through"
    """
    assert unmounted.run(small(), START + textwrap.dedent(code)) == "through"
