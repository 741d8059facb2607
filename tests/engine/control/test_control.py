"""The control socket: who may ask, what it takes, and that no worker reaches it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate._control.client import RunningHost, ask, ask_all, running_hosts
from lockgate._control.socket import (
    SLOW_MAXIMUM,
    ControlSocket,
    address,
    checked_folder,
)
from lockgate._control.wire import (
    REQUEST_LIMIT_BYTES,
    VERBS,
    Request,
    decode,
    encode,
    parse_request,
)
from lockgate.errors import ControlError, LockgateError, UsageError
from lockgate.host import Host
from lockgate.values import Tree
from tests.support.host_plugins import Site

PLUGIN = """
from lockgate.plugin import Transformation, hookimpl

@hookimpl
def transform(tree):
    return Transformation(tree)
"""

# The same bytes run sealed, and unsealed as the proof that they would get in.
ATTACK = """
import json, os, socket

def attack(folder):
    found = []
    for name in os.listdir(folder):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.connect(f"{folder}/{name}")
            s.sendall(b'{"verb": "ps"}\\n')
            found.append(s.recv(65536).decode())
    return found
"""

ATTACKER = (
    ATTACK
    + """
from lockgate.plugin import hookimpl
from lockgate.plugin import Transformation, Tree

@hookimpl
def transform(tree, options):
    said = []
    for step in (
        lambda: attack(options["folder"]),
        lambda: os.listdir(options["folder"]),
        lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    ):
        try:
            said.append(str(step()))
        except OSError as error:
            said.append(type(error).__name__)
    return Transformation(Tree.of({"said": "\\n".join(said)}))
"""
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def echo(folder: Path) -> Iterator[tuple[ControlSocket, list[Request]]]:
    """A socket that notes what it is asked."""
    heard: list[Request] = []

    def answer(request: Request) -> dict[str, Any]:
        heard.append(request)
        if request.plugin == "bug":
            raise ZeroDivisionError
        if request.plugin == "usage":
            raise UsageError("no")
        return {"verb": request.verb}

    served = ControlSocket(folder, answer)
    yield served, heard
    served.close()


def say(folder: Path, name: str, raw: bytes, *, end: bool = True) -> bytes:
    """Send raw bytes and read to the end."""
    descriptor = checked_folder(folder)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(20)
        connection.connect(address(descriptor, name))
        os.close(descriptor)
        found = b""
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(raw)
            if end:
                connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while data := connection.recv(65_536):
                found += data
        return found


def test_it_answers_its_own_user(
    folder: Path, echo: tuple[ControlSocket, list[Request]]
) -> None:
    served, heard = echo
    (host,) = running_hosts(folder)

    answer = ask(folder, host, Request("reload", "p"))

    assert host == RunningHost(os.getpid(), served.name)
    assert answer == {"verb": "reload"}
    assert heard == [Request("reload", "p")]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / served.name).stat().st_mode & 0o777 == 0o600


def test_a_failure_of_the_host_is_told_and_the_next_one_is_served(
    folder: Path, echo: tuple[ControlSocket, list[Request]]
) -> None:
    (host,) = running_hosts(folder)
    told: list[Any] = []
    for plugin in ("bug", "usage", "p"):
        answer = ask(folder, host, Request("reload", plugin))
        assert answer is not None
        told.append(answer.get("error", {}).get("code", "ok"))

    assert told == ["control-refused", "usage", "ok"]


def test_a_plugin_that_takes_its_time_to_start_blinds_nobody(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on, heard = threading.Event(), threading.Event()

    def answer(request: Request) -> dict[str, Any]:
        if request.verb == "reload":
            going_on.wait(30)
        return {"verb": request.verb}

    def reload() -> None:
        told.append(ask(folder, host, Request("reload", "evil")) or {})
        heard.set()

    with closing(ControlSocket(folder, answer)) as served:
        (host,) = running_hosts(folder)
        told: list[dict[str, Any]] = []
        threads = [threading.Thread(target=reload) for _ in range(SLOW_MAXIMUM + 1)]
        for thread in threads:
            thread.start()
        # One too many: it hears so, the others wait, and whoever looks sees.
        assert heard.wait(20)
        assert ask(folder, host, Request("ps"), timeout=5) == {"verb": "ps"}
        assert [one.get("error", {}).get("code") for one in told] == ["control-refused"]
        going_on.set()
        for thread in threads:
            thread.join()
        assert told[1:] == [{"verb": "reload"}] * SLOW_MAXIMUM
        assert served.name == host.socket

    going_on.clear()
    monkeypatch.setattr(Request, "slow", False)  # all in one line, as it was
    with closing(ControlSocket(folder, answer)):
        (host,) = running_hosts(folder)
        thread = threading.Thread(target=reload)
        thread.start()
        time.sleep(0.2)
        with pytest.raises(TimeoutError):
            ask(folder, host, Request("ps"), timeout=0.5)
        going_on.set()
        thread.join()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=30).map(lambda raw: raw + b"\n"),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(
                    st.sampled_from(["verb", "plugin", "after", "x"]), inner
                )
            ),
        ).map(lambda value: json.dumps(value).encode() + b"\n"),
    )
)
def test_any_bytes_get_an_answer_and_do_nothing_unasked(
    folder: Path, echo: tuple[ControlSocket, list[Request]], raw: bytes
) -> None:
    served, heard = echo
    before = len(heard)

    answer = json.loads(say(folder, served.name, raw))

    if len(heard) > before:
        assert heard[-1] == parse_request(raw.partition(b"\n")[0])
    else:
        assert answer["error"]["code"] == "control-refused"


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 10_000 + b"\n",
        b'{"verb": "ps", "plugin": ' + b"[" * 20 + b"]" * 20 + b"}\n",
        b'{"verb": "ps", "after": NaN}\n',
        b'{"verb": "ps", "after": -1}\n',
        b'{"verb": "ps", "after": true}\n',
        b'{"verb": ["ps"]}\n',
        b'{"verb": "shell"}\n',
        b'{"verb": "ps", "more": 1}\n',
        b'{"verb": "reload"}\n',
        b'{"verb": "ps", "plugin": "' + b"x" * REQUEST_LIMIT_BYTES + b'"}\n',
    ],
    ids=lambda raw: raw[:40].decode(),
)
def test_what_is_no_request_is_refused(
    folder: Path, echo: tuple[ControlSocket, list[Request]], raw: bytes
) -> None:
    served, heard = echo

    answer = json.loads(say(folder, served.name, raw))

    assert answer["error"]["code"] == "control-refused"
    assert heard == []


@given(st.sampled_from(sorted(VERBS)), st.text(min_size=1), st.integers(0, 2**63 - 1))
def test_requests_go_both_ways(verb: Any, plugin: str, after: int) -> None:
    request = Request(verb, plugin, after)
    line = {"verb": verb, "plugin": plugin, "after": after}

    assert parse_request(encode(line).rstrip(b"\n")) == request


@given(st.binary())
def test_decoding_gives_an_object_or_a_control_error(raw: bytes) -> None:
    with suppress(ControlError):
        assert isinstance(decode(raw, 1000), dict)


def test_who_says_nothing_holds_nobody_up_for_long(
    folder: Path, echo: tuple[ControlSocket, list[Request]]
) -> None:
    served, _ = echo
    silent = threading.Thread(
        target=lambda: say(folder, served.name, b'{"verb"', end=False)
    )
    silent.start()
    (host,) = running_hosts(folder)

    assert ask(folder, host, Request("ps"), timeout=20) == {"verb": "ps"}
    silent.join()


def test_dead_sockets_are_swept(folder: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from lockgate._control.socket import ControlSocket\n"
        "ControlSocket(Path(sys.argv[1]), lambda request: {})\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], check=True)
    assert len(running_hosts(folder)) == 1

    assert list(ask_all(folder, Request("ps"))) == []
    assert running_hosts(folder) == ()


def test_a_folder_of_others_is_not_believed(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)

    with pytest.raises(ControlError, match="not its owner's alone") as caught:
        running_hosts(folder)
    assert "chmod 700" in caught.value.hint


def test_a_deep_folder_is_no_obstacle(tmp_path: Path) -> None:
    """An address has 108 bytes, a path may have more."""
    deep = tmp_path.joinpath(*["x" * 50] * 4)
    served = ControlSocket(deep, lambda _: {"ok": True})

    found = [answer for _, answer in ask_all(deep, Request("ps"))]
    served.close()

    assert found == [{"ok": True}]
    assert list(deep.iterdir()) == []


def test_a_forked_copy_of_the_host_takes_nothing_away(
    folder: Path, echo: tuple[ControlSocket, list[Request]]
) -> None:
    served, _ = echo
    child = os.fork()
    if not child:
        served.close()
        os._exit(0)
    os.waitpid(child, 0)

    assert [answer for _, answer in ask_all(folder, Request("ps"))] == [{"verb": "ps"}]


@pytest.mark.skipif(os.geteuid() != 0, reason="takes another user's id")
def test_another_user_is_refused_by_the_kernels_word(
    folder: Path, echo: tuple[ControlSocket, list[Request]]
) -> None:
    """Even where somebody has opened the folder and the socket to all."""
    served, heard = echo
    script = (
        "import os, socket, sys\n"
        "path = sys.argv[1]\n"
        "os.setgroups([]); os.setresgid(65534, 65534, 65534)\n"
        "if sys.argv[2] == 'other': os.setresuid(65534, 65534, 65534)\n"
        "s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)\n"
        "try:\n"
        "    s.connect(path)\n"
        '    s.sendall(b\'{"verb": "ps"}\\n\')\n'
        "    print(s.makefile().read())\n"
        "except OSError as error:\n"
        "    print(type(error).__name__)\n"
    )

    def attempt(who: str) -> str:
        # Through a folder that the other user can reach.
        argv = [sys.executable, "-I", "-S", "-c", script, path, who]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    path = str(folder / served.name)
    closed = attempt("other")
    for place in (folder, *folder.parents):
        if place == Path("/tmp"):
            break
        place.chmod(0o755)
    (folder / served.name).chmod(0o666)
    opened = attempt("other")
    mine = attempt("owner")

    assert closed.strip() == "PermissionError"
    assert "its own user only" in opened
    assert json.loads(mine) == {"verb": "ps"}
    assert len(heard) == 1


def open_host(site: Site, control: Any = "auto") -> Host:
    return Host.open(site.config, search_path=[site.folder], control=control)


def test_a_host_is_seen_from_its_first_worker_to_its_end(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.add("same", PLUGIN)
    folder = Path(site.config.runtime_folder)

    with open_host(site) as host:
        before = list(ask_all(folder, Request("ps")))
        host.call("transform", tree=Tree())
        ((running, status),) = ask_all(folder, Request("ps"))
        ((_, calls),) = ask_all(folder, Request("calls"))
        ((_, reloaded),) = ask_all(folder, Request("reload", "same"))
        ((_, nobody),) = ask_all(folder, Request("reload", "nobody"))
        ((_, changes),) = ask_all(folder, Request("refresh"))
        ((_, released),) = ask_all(folder, Request("release", "same"))
        pid = host.workers()["same"]
    after = list(ask_all(folder, Request("ps")))

    assert before == after == []
    assert "error" not in status, status
    assert running.pid == status["pid"] == os.getpid()
    (plugin,) = status["plugins"]
    assert plugin["stage"] == "active"
    assert plugin["calls"] == plugin["meter"]["starts"] == 1
    assert plugin["memory-bytes"] > 1_000_000
    assert calls["calls"][0]["outcome"] == "answered"
    assert reloaded["stage"] == "active"
    assert f"worker {pid} runs" in reloaded["reason"]
    assert nobody["error"]["code"] == "unknown-plugin"
    assert changes == {"added": [], "removed": [], "reloaded": [], "failed": {}}
    assert released == {"plugin": "same"}


def test_a_host_is_seen_at_once_or_never_if_it_is_asked_to(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.add("same", PLUGIN)
    folder = Path(site.config.runtime_folder)

    with open_host(site, "always"):
        assert len(list(ask_all(folder, Request("ps")))) == 1
    with open_host(site, "off") as host:
        host.call("transform", tree=Tree())
        assert list(ask_all(folder, Request("ps"))) == []


def test_a_place_that_cannot_be_used_is_an_error_only_where_it_was_asked_for(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path)
    site.add("same", PLUGIN)
    (tmp_path / "file").write_text("")
    config = replace(site.config, runtime_dir=str(tmp_path / "file" / "run"))

    with Host.open(config, search_path=[site.folder]) as host:
        assert host.call("transform", tree=Tree()).asked == ("same",)
    with pytest.raises(LockgateError) as caught:
        Host.open(config, search_path=[site.folder], control="always")
    assert caught.value.code == "control-refused"


def test_a_worker_reaches_no_socket_where_open_code_does(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.add("attacker", ATTACKER)
    folder = site.config.runtime_folder
    space: dict[str, Callable[[str], list[str]]] = {}
    exec(ATTACK, space)

    with open_host(site, "always") as host:
        unsealed = space["attack"](folder)
        said = host.call("transform", tree=Tree(), options={"folder": folder})

    assert json.loads(unsealed[0])["pid"] == os.getpid()
    assert said.first.tree["said"].text.splitlines() == ["PermissionError"] * 3
