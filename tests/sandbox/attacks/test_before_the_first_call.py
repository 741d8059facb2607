"""What changes between a lazy start and its first call, and what the target has of it.

Sealed is such a worker when it is returned, and rights of the kernel's are a file's,
not a path's: whatever is put in a place afterwards is not what was granted. What the
host does for it is asked for then, and so is what holds then. To take back what the
kernel grants, its owner ends the worker: nothing of the target has run.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lockgate_sandbox import (
    Data,
    HostGrant,
    PathGrant,
    Policy,
    Sandbox,
    SandboxError,
    StartError,
    Worker,
)
from lockgate_sandbox._start import spares
from lockgate_sandbox.broker import Broker
from tests.support.sandbox import Lab, open_folder, policy

pytestmark = pytest.mark.kernel

_AT_IMPORT = """
    import os
    try:
        FOUND = open({path!r}).read()
    except OSError as error:
        FOUND = type(error).__name__
    def build(session):
        return lambda method, arguments: FOUND
"""


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A sandbox of each test's own: which child waits in it is what is tested."""
    with open_folder() as folder, Sandbox.open() as sandbox:
        yield Lab(sandbox, folder)


@pytest.fixture
def granted(lab: Lab) -> Path:
    """A folder that is granted, with a file."""
    place = lab.folder / "granted"
    place.mkdir()
    (place / "file").write_text("granted")
    return place


def _open(lab: Lab, given: Policy, target: str, broker: Broker | None = None) -> Worker:
    path = [str(lab.folder / "code")]
    return lab.sandbox.worker(given, target=target, path=path, broker=broker, lazy=True)


def _code(lab: Lab, name: str, source: str) -> str:
    (lab.folder / "code").mkdir(exist_ok=True)
    lab.write(f"code/{name}", source)
    return f"{name}:build"


@contextmanager
def _sandboxed(lab: Lab, held: bool) -> Generator[Lab]:
    """`lab`, or one over the same folder without the layer that holds paths."""
    if held:
        yield lab
        return
    with Sandbox.open(layers={"landlock": "off"}) as sandbox:
        yield Lab(sandbox, lab.folder)


def _by_link(place: Path, instead: Path) -> None:
    place.rename(place.with_name("gone"))
    place.symlink_to(instead)


def _by_rename(place: Path, instead: Path) -> None:
    place.rename(place.with_name("gone"))
    instead.rename(place)


@pytest.mark.parametrize("swap", [_by_link, _by_rename])
@pytest.mark.parametrize("held", [True, False], ids=["sealed", "without landlock"])
def test_what_is_put_in_a_granted_place_is_not_granted(
    granted: Path, lab: Lab, swap: Callable[[Path, Path], None], held: bool
) -> None:
    other = granted.with_name("other")
    other.mkdir()
    (other / "file").write_text("another's")
    target = _code(lab, "reads", _AT_IMPORT.format(path=str(granted / "file")))
    given = replace(policy(), read=(str(granted),))
    with _sandboxed(lab, held) as used, _open(used, given, target) as worker:
        swap(granted, other)
        found = worker.call("any").value
    assert found == ("PermissionError" if held else "another's")


@pytest.mark.parametrize("held", [True, False], ids=["sealed", "without landlock"])
def test_code_that_is_put_in_a_granted_place_is_not_run(lab: Lab, held: bool) -> None:
    source = "def build(session): return lambda *asked: {!r}"
    target = _code(lab, "swapped", source.format("granted"))
    other = lab.folder / "other"
    other.mkdir()
    lab.write("other/swapped", source.format("another's"))
    with _sandboxed(lab, held) as used, _open(used, policy(), target) as worker:
        _by_link(lab.folder / "code", other)
        if held:
            with pytest.raises(StartError):
                worker.call("any")
            return
        assert worker.call("any").value == "another's"


@pytest.mark.parametrize("again", [True, False], ids=["looked at", "not looked at"])
def test_a_child_that_waits_has_no_folder_that_was_moved_away(
    lab: Lab, granted: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """Its seal is of the folder that stood there; what stands there now is granted."""
    secret = granted.with_name("secret") / "file"
    target = _code(lab, "looks", _AT_IMPORT.format(path=str(secret)))
    given = replace(policy(), read=(str(granted),))
    for _ in range(3):  # so that one waits
        with _open(lab, given, target) as worker:
            worker.call("any")
    granted.rename(secret.parent)
    granted.mkdir()
    if not again:
        monkeypatch.setattr(spares._Waiting, "fits", lambda *_: True)  # pyright: ignore
    with _open(lab, given, target) as worker:
        found = worker.call("any").value
    assert found == ("PermissionError" if again else "granted")


def test_a_tighter_policy_gets_no_worker_of_the_looser(lab: Lab, granted: Path) -> None:
    target = _code(lab, "reads", _AT_IMPORT.format(path=str(granted / "file")))
    loose = replace(policy(), read=(str(granted),))
    for _ in range(3):
        with _open(lab, loose, target) as worker:
            assert worker.call("any").value == "granted"
    with _open(lab, policy(), target) as worker:
        assert worker.call("any").value == "PermissionError"


@pytest.mark.parametrize("how", ["close", "kill", "sandbox"])
def test_who_takes_a_right_back_by_ending_it_has_had_nothing_run(
    lab: Lab, how: str
) -> None:
    source = "print('ran', flush=True)\ndef build(session): return print"
    worker = _open(lab, Policy.for_tier("basic"), _code(lab, "marks", source))
    end = {"close": worker.close, "kill": worker.kill, "sandbox": lab.sandbox.close}
    end[how]()
    with pytest.raises(SandboxError):
        worker.call("any")
    assert worker.last_output == ""
    assert not worker.alive


# -- what its broker does --------------------------------------------------------------

_ASKS = """
    def attempt(session):
        try:
            with session.open({path!r}) as file:
                return file.read()
        except PermissionError:
            return "PermissionError"
    def build(session):
        first = attempt(session)
        return lambda method, arguments: [first, attempt(session)]
"""


@pytest.mark.parametrize("revoked", [True, False], ids=["revoked", "granted"])
def test_a_path_that_is_taken_back_meanwhile_is_opened_neither_by_start_nor_call(
    lab: Lab, granted: Path, revoked: bool
) -> None:
    grant = PathGrant(str(granted))
    given = replace(Policy.for_tier("elevated"), files=(grant,))
    source = _ASKS.format(path=str(granted / "file"))
    target = _code(lab, "asks", source)
    with Broker(given) as broker, _open(lab, given, target, broker) as worker:
        if revoked:
            assert broker.revoke(grant)
        told = worker.call("any").value
    assert told == (["PermissionError"] * 2 if revoked else ["granted"] * 2)


_CONNECTS = """
    import socket
    def attempt(port):
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as made:
                return made.recv(9).decode()
        except OSError as error:
            return type(error).__name__
    def build(session, port):
        first = attempt(port)
        return lambda method, arguments: [first, attempt(port)]
"""


@pytest.mark.parametrize("revoked", [True, False], ids=["revoked", "granted"])
def test_a_host_that_is_taken_back_meanwhile_is_reached_neither_by_start_nor_call(
    lab: Lab, revoked: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        served = threading.Thread(target=_greet, args=(server,), daemon=True)
        served.start()
        grant = HostGrant("127.0.0.1", (port,), allow_private=True)
        given = Policy.for_tier("elevated", hosts=[grant])
        target = _code(lab, "connects", _CONNECTS)
        arguments: dict[str, Data] = {"port": port}
        with (
            Broker(given) as broker,
            lab.sandbox.worker(
                given,
                target=target,
                path=[str(lab.folder / "code")],
                arguments=arguments,
                broker=broker,
                lazy=True,
            ) as worker,
        ):
            if revoked:
                broker.revoke(grant)
            told = worker.call("any").value
        server.shutdown(socket.SHUT_RDWR)
        served.join()
    assert isinstance(told, list)
    assert ("hello" in told) != revoked, told


def _greet(server: socket.socket) -> None:
    while True:
        try:
            made, _ = server.accept()
        except OSError:
            return
        with made:
            made.sendall(b"hello")


def test_a_closed_broker_gives_nothing_to_what_starts_after_it(
    lab: Lab, granted: Path
) -> None:
    given = replace(Policy.for_tier("elevated"), files=(PathGrant(str(granted)),))
    source = _ASKS.format(path=str(granted / "file"))
    broker = Broker(given)
    with _open(lab, given, _code(lab, "asks", source), broker) as worker:
        broker.close()
        assert worker.call("any").value == ["PermissionError"] * 2
