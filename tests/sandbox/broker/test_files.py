"""Files through the broker: what is granted, and no way out of it."""

from __future__ import annotations

import contextlib
import mmap
import os
import stat
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from lockgate_sandbox import PathGrant, Policy, PolicyError
from lockgate_sandbox.broker import Broker
from tests.sandbox.broker.asking import OPEN
from tests.sandbox.broker.conftest import MakeBench

pytestmark = pytest.mark.kernel

_WHOLE = "/proc/self/root"
"""The whole file system, by another name."""


def test_a_granted_file_is_read_where_the_kernel_refuses(
    bench: MakeBench, place: Path
) -> None:
    at = bench(files=[PathGrant(str(place))])
    path = str(place / "sub" / "a.txt")
    assert at.run(OPEN, path=path, mode="r") == "inside"
    assert at.run(OPEN, path=path, mode="rb") == b"inside"
    with pytest.raises(Exception, match=r"PermissionError|FileNotFoundError"):
        at.run("open(path)", path=path)
    assert [record.resource for record in at.records] == [f"{path} (r)"] * 2


def test_a_file_may_be_granted_by_itself(bench: MakeBench, place: Path) -> None:
    path = place / "sub" / "a.txt"
    at = bench(files=[PathGrant(str(path), write=True)])
    assert at.run(OPEN, path=str(path), mode="w", data="new") == 3
    assert path.read_text() == "new"
    kind, _ = at.run(OPEN, path=str(place / "sub" / "b.txt"), mode="w", data="")
    assert kind == "PermissionError"


@pytest.mark.parametrize(
    ("mode", "content"),
    [("w", "new"), ("a", "insidenew"), ("r+", None), ("w+", "new"), ("xb", None)],
)
def test_every_mode_of_open(
    bench: MakeBench, place: Path, mode: str, content: str | None
) -> None:
    at = bench(files=[PathGrant(str(place), write=True)])
    path = place / "sub" / ("new" if "x" in mode else "a.txt")
    data: object = b"new" if "b" in mode else "new"
    at.run(OPEN, path=str(path), mode=mode, data=data)
    assert path.read_text() == (content or ("new" if "x" in mode else "inside"))
    if "x" in mode:
        kind, _ = at.run(OPEN, path=str(path), mode=mode, data=data)
        assert kind == "FileExistsError"


def test_a_reading_grant_creates_and_changes_nothing(
    bench: MakeBench, place: Path
) -> None:
    at = bench(files=[PathGrant(str(place))])
    for mode in ("w", "a", "r+", "x", "w+", "a+", "x+"):
        kind, text = at.run(OPEN, path=str(place / "n"), mode=mode, data="")
        assert kind == "PermissionError"
        assert "reading only" in text
    code = """
        import os
        _, fds = session.call_host_fds("broker.file.open", {"path": path, "mode": "r"})
        try:
            os.write(fds[0], b"x")
        except OSError as error:
            result = error.errno
    """
    assert at.run(code, path=str(place / "sub" / "a.txt")) == 9
    assert sorted(p.name for p in place.iterdir()) == ["sub"]


@pytest.mark.parametrize(
    "path",
    [
        "{place}/../secret",
        "{place}/sub/../../secret",
        "{place}/./sub/a.txt",
        "{place}//sub/a.txt",
        "{place}/",
        "{place}",
        "{place}ish/x",
        "{secret}",
        "relative",
        "",
        "/",
        "/proc/self/fd/0",
        f"{_WHOLE}/etc/passwd",
        "/dev/null",
        "{place}/sub/a.txt\0",
    ],
)
def test_what_lies_outside_is_refused(bench: MakeBench, place: Path, path: str) -> None:
    at = bench(files=[PathGrant(str(place))])
    asked = path.format(place=place, secret=place.parent / "secret")
    kind, _ = at.run(OPEN, path=asked, mode="r")
    assert kind in ("PermissionError", "IsADirectoryError")


@pytest.mark.parametrize("target", ["../secret", "{secret}", "sub/a.txt", "/proc/self"])
def test_no_link_is_followed(bench: MakeBench, place: Path, target: str) -> None:
    (place / "link").symlink_to(target.format(secret=place.parent / "secret"))
    (place / "way").symlink_to("..")
    at = bench(files=[PathGrant(str(place), write=True)])
    for path in (place / "link", place / "way" / "secret"):
        for mode in ("r", "w", "a"):
            kind, text = at.run(OPEN, path=str(path), mode=mode, data="x")
            assert kind == "PermissionError"
            assert "a link lies on the way" in text
    assert (place.parent / "secret").read_text() == "outside"


def test_what_is_no_regular_file_is_not_handed_over(
    bench: MakeBench, place: Path
) -> None:
    """And nobody waits: a pipe has no writer, a socket no listener."""
    import socket

    os.mkfifo(place / "fifo")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(f"{place}/socket")
        at = bench(files=[PathGrant(str(place)), PathGrant("/dev/null", write=True)])
        for path in (place / "fifo", place / "sub", "/dev/null"):
            kind, text = at.run(OPEN, path=str(path), mode="r")
            assert (kind, "regular" in text) == ("PermissionError", True)
        for mode in ("r", "w", "r+", "a"):  # not even asked: a socket can't be opened
            kind, text = at.run(OPEN, path=str(place / "socket"), mode=mode, data="")
            assert (kind, "regular" in text) == ("PermissionError", True)


@pytest.mark.parametrize("mode", ["w", "r+", "a"])
def test_what_is_no_regular_file_is_looked_at_and_never_opened(
    bench: MakeBench, place: Path, mode: str
) -> None:
    """Who waits for a pipe's other end would see the host open it, however short."""
    pipe, swap = place / "pipe", place / "swap"
    os.mkfifo(pipe)
    woken = threading.Event()

    def listen() -> None:
        os.close(os.open(pipe, os.O_RDONLY))
        woken.set()

    listener = threading.Thread(target=listen)
    listener.start()
    at = bench(files=[PathGrant(str(place), write=True)])
    try:
        kind, text = at.run(OPEN, path=str(pipe), mode=mode, data="")
        assert (kind, "regular" in text) == ("PermissionError", True)
        with exchanging(place, swap):
            for _ in range(200):
                at.run(OPEN, path=str(swap), mode=mode, data="")
        assert not woken.is_set()
    finally:
        os.close(os.open(pipe, os.O_RDWR))
        listener.join()
    assert woken.is_set()


@contextlib.contextmanager
def exchanging(place: Path, swap: Path) -> Generator[None]:
    """`swap` is now a file, now the pipe (one more name of it), now a link to it."""
    stop = threading.Event()

    def exchange() -> None:
        new = place / "new"
        while not stop.is_set():
            new.touch()
            new.replace(swap)
            os.link(place / "pipe", new)
            new.replace(swap)
            new.symlink_to(place / "pipe")
            new.replace(swap)

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device nodes")
def test_a_device_node_is_looked_at_and_never_opened(
    bench: MakeBench, place: Path
) -> None:
    node = place / "node"
    try:
        # A major number for experiments: nobody answers, so that opening is an error.
        os.mknod(node, stat.S_IFCHR | 0o600, os.makedev(60, 0))
    except PermissionError:
        pytest.skip("no CAP_MKNOD here")
    with pytest.raises(OSError, match="No such device"):
        os.open(node, os.O_RDONLY)
    at = bench(files=[PathGrant(str(place), write=True)])
    for mode in ("r", "w", "r+"):
        kind, text = at.run(OPEN, path=str(node), mode=mode, data="")
        assert (kind, "regular" in text) == ("PermissionError", True)


def swapping(place: Path, outside: Path) -> Iterator[None]:
    """Swap a folder and a link to outside as fast as the kernel allows."""
    stop = threading.Event()
    real, link, name = place / "real", place / "link", place / "swap"
    real.mkdir()
    (real / "secret").write_text("inside")
    link.symlink_to(outside)
    real.rename(name)

    def swap() -> None:
        while not stop.is_set():
            name.rename(real)
            link.rename(name)
            name.rename(link)
            real.rename(name)

    thread = threading.Thread(target=swap)
    thread.start()
    yield
    stop.set()
    thread.join()


def test_a_race_of_renames_and_links_leads_nowhere(
    bench: MakeBench, place: Path
) -> None:
    """The same race wins against a check and a later open by name."""
    at = bench(files=[PathGrant(str(place), write=True)])
    code = """
        found = set()
        for _ in range(4000):
            try:
                with session.open(path) as file:
                    found.add(file.read())
            except OSError as error:
                found.add(type(error).__name__)
        result = sorted(found)
    """
    race = swapping(place, place.parent)
    next(race)
    try:
        found = at.run(code, path=str(place / "swap" / "secret"))
        naive = _naive(place / "swap" / "secret", place)
    finally:
        next(race, None)
    assert "outside" not in found
    assert "inside" in found
    assert naive  # the race is a real one


def _naive(path: Path, place: Path) -> bool:
    """Whether checking first and opening then can be raced."""
    for _ in range(200_000):
        try:
            checked = Path(os.path.realpath(path)).is_relative_to(place)
            if checked and path.read_text() == "outside":
                return True
        except OSError:
            continue
    return False


def test_a_folder_that_is_moved_is_still_the_granted_one(
    bench: MakeBench, place: Path
) -> None:
    at = bench(files=[PathGrant(str(place))])
    place.rename(place.parent / "moved")
    place.mkdir()
    (place / "sub").symlink_to(place.parent)
    assert at.run(OPEN, path=str(place / "sub" / "a.txt"), mode="r") == "inside"


def test_a_path_that_is_not_there_can_not_be_granted(tmp_path: Path) -> None:
    policy = Policy.for_tier("elevated", files=[PathGrant(str(tmp_path / "none"))])
    with pytest.raises(PolicyError, match="can't be granted") as caught:
        Broker(policy)
    assert caught.value.hint


def test_a_revoked_path_opens_no_more_and_what_is_open_stays(
    bench: MakeBench, place: Path
) -> None:
    at = bench(files=[PathGrant(str(place))])
    path = str(place / "sub" / "a.txt")
    at.run("import sys; sys.kept = session.open(path)", path=path)
    assert at.broker.revoke(at.broker.policy.files[0])
    kind, text = at.run(OPEN, path=path, mode="r")
    assert (kind, "no grant covers it" in text) == ("PermissionError", True)
    # A descriptor can't be called back: it goes with the worker.
    assert at.run("import sys; result = sys.kept.read()") == "inside"


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"path": 1, "mode": "r"},
        {"path": "/x", "mode": "rw"},
        {"path": "/x", "mode": 0},
        {"path": "/" + "x" * 70_000, "mode": "r"},
    ],
    ids=lambda asked: str(asked)[:40],
)
def test_a_forged_open_is_refused(
    bench: MakeBench, place: Path, asked: dict[str, object]
) -> None:
    at = bench(files=[PathGrant(str(place))])
    code = """
        try:
            session.call_host_fds("broker.file.open", asked)
        except session.HostCallError as error:
            result = error.code
    """
    assert at.run(code, asked=asked) in ("permission-denied", "callback-failed")


def test_nothing_is_left_open_in_the_host(bench: MakeBench, place: Path) -> None:
    def held() -> list[str]:
        found: list[str] = []
        for link in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):
                found.append(str(link.readlink()))
        return [target for target in found if target.startswith(str(place))]

    at = bench(files=[PathGrant(str(place))])
    assert held() == [str(place)]
    for _ in range(50):
        at.run(OPEN, path=str(place / "sub" / "a.txt"), mode="r")
        at.run(OPEN, path=str(place / "sub"), mode="r")
    assert held() == [str(place)]
    at.close()
    assert held() == []


_THROUGH_MEMORY = """
import mmap
try:
    _, fds = session.call_host_fds("broker.file.open", {"path": path, "mode": "r+"})
    with mmap.mmap(fds[0], 4) as memory:
        memory[:4] = b"evil"
    result = "written"
except OSError as error:
    result = str(error)
"""


@pytest.mark.parametrize(
    ("bits", "refused"),
    [(0o4755, True), (0o2755, True), (0o2644, False), (0o755, False)],
    ids=oct,
)
def test_no_program_that_lends_its_owners_rights_is_written(
    bench: MakeBench, place: Path, bits: int, refused: bool
) -> None:
    """The kernel takes the bit away for write(2), not for a shared mapping."""
    program = place / "program"
    program.write_bytes(b"good")
    program.chmod(bits)
    at = bench(files=[PathGrant(str(place), write=True)])
    told = at.run(_THROUGH_MEMORY, path=str(program))
    assert program.stat().st_mode & 0o7777 == bits
    if refused:
        assert "rights of its owner" in told
        assert at.run(OPEN, path=str(program), mode="r") == "good"
        with program.open("r+b") as file, mmap.mmap(file.fileno(), 4) as memory:
            memory[:4] = b"evil"  # as it would be, the bit stays
        assert program.stat().st_mode & 0o7777 == bits
    assert program.read_bytes() == b"evil"
