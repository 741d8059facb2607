"""A worker that shares its host's uid fills what that user may have under way.

The kernel refuses to send a descriptor (ETOOMANYREFS) where its user has more of them
under way than the sender may open (unix(7)); all processes of the user count. So a
worker that may open 256 can keep everybody from sending one who may open no more.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.layers import ORDINARY_UID, Base

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user"),
]

_SCRIPT = """
import json, os, resource, socket, sys, tempfile
os.setgid({uid}); os.setuid({uid})
sys.path[:0] = [{folder!r}]
from lockgate_sandbox import Passed, Policy, Program, Sandbox, SandboxError
from lockgate_sandbox._start.notes import Notes
from lockgate_sandbox._wire.frame import Kind
from lockgate_sandbox._wire.wire import Channel

HANDLER = '''
import array, os, socket
kept = []

def build(session):
    def fill(method, arguments):
        null, sent = os.open("/dev/null", os.O_RDONLY), 0
        packed = array.array("i", [null] * 100)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)]
        try:
            while True:
                kept.append(socket.socketpair())
                kept[-1][0].setblocking(False)
                try:
                    while True:
                        kept[-1][0].sendmsg([b"x"], rights)
                        sent += 100
                except BlockingIOError:
                    continue
        except OSError as error:
            return [sent, error.errno]
    return fill

def plain(session):
    def handler(method, arguments):
        if method == "fds":
            try:
                fds = session.call_host_fds("null")[1]
            except OSError as error:
                return error.errno
            return [os.close(fd) for fd in fds]
        return arguments
    return handler
'''

def uses(worker):
    '''What comes of calls in a row, large buffers and descriptors.'''
    large = bytes(1 << 20)
    try:
        row = [worker.call("echo", dict(n=n)).value["n"] for n in range(40)]
        back = [worker.call("echo", dict(data=large)).value["data"] for _ in range(3)]
        fds = worker.call("fds").value
        more = worker.call("echo", dict(data=large * 4)).value["data"]
        last = [worker.call("echo", dict(n=n)).value["n"] for n in range(40)]
    except SandboxError as error:
        return repr(error)
    assert row == last == list(range(40))
    assert back == [large] * 3 and more == large * 4
    return [worker.line.channel.piped, fds]

def sends():
    one, _two = socket.socketpair()
    try:
        socket.send_fds(one, [b"x"], [0])
    except OSError as error:
        return error.errno
    return 0

def answers_a_script():
    '''What a script is told that asks for a descriptor.'''
    ours, scripts = (Channel(one, 1 << 20) for one in socket.socketpair(
        socket.AF_UNIX, socket.SOCK_SEQPACKET))
    notes = Notes(ours, b"call", dict(null=null), elevated)
    scripts.send([int(Kind.ASK), b"call", 1, "null", dict()])
    assert notes.take(lambda: None)
    assert scripts.receive()[0] == Kind.PASSED
    return len(scripts.receive_fds(1))

resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files}))
true = Program("true", "/bin/true")
elevated = Policy.for_tier("elevated", programs=[true])
told = {{}}
with tempfile.TemporaryDirectory() as folder, Sandbox.open() as sandbox:
    with open(os.path.join(folder, "filler.py"), "w") as file:
        file.write(HANDLER)
    start = lambda: sandbox.worker(elevated, target="filler:build", path=[folder])
    null = lambda _: Passed(None, [os.open("/dev/null", os.O_RDONLY)])
    quiet = [
        sandbox.worker(
            Policy.for_tier("read-only"),
            target="filler:plain",
            path=[folder],
            callbacks=dict(null=null),
        )
        for _ in range(2)
    ]
    told["before"] = uses(quiet[0])
    with start() as worker:
        told["filled"] = worker.call("fill").value
        told["quiet"] = [uses(one) for one in quiet]
        if not os.fork():
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
            os._exit(sends())
        told["others"] = os.waitstatus_to_exitcode(os.wait()[1])
        if not os.fork():
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
            os._exit(answers_a_script())
        told["script"] = os.waitstatus_to_exitcode(os.wait()[1])
        try:
            told["program"] = sandbox.run_program(elevated, ["/bin/true"]).status
            start().close()
        except SandboxError as error:
            told["error"] = str(error)
            told["hint"] = error.hint
    told["after"] = uses(quiet[1])
    told["script after"] = answers_a_script()
print(json.dumps(told))
"""


def _told(base: Base, files: int) -> dict[str, Any]:
    folder = str(Path(base.package).parent)
    # The kernel counts by user: nobody else may be that one at the same time.
    uid = ORDINARY_UID + 1 + os.getpid() % 10_000
    script = _SCRIPT.format(uid=uid, folder=folder, files=files)
    library = str(Path(base.python).parent.parent / "lib")
    done = subprocess.run(
        [base.python, "-c", script],
        env={"LD_LIBRARY_PATH": library, "PATH": "/usr/bin:/bin"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    sent, why = told["filled"]
    assert sent > 256
    assert why == 109  # ETOOMANYREFS
    assert told["others"] == 109  # the attack works on who may open as few
    assert told["before"] == [True, [None]]
    return told


def test_other_workers_and_programs_of_that_user_start(base: Base) -> None:
    told = _told(base, 1024)
    assert "error" not in told
    assert told["program"] == 0
    assert told["quiet"] == [[True, [None]]] * 2


def test_a_host_that_may_open_no_more_than_its_worker_is_told_so(
    base: Base,
) -> None:
    told = _told(base, 256)
    assert "program" not in told
    assert "Too many references" in told["error"]
    assert "ulimit -n" in told["hint"]


def test_a_script_is_answered_without_the_descriptor(base: Base) -> None:
    told = _told(base, 1024)
    assert (told["script"], told["script after"]) == (0, 1)


def test_workers_that_run_go_on_with_what_a_socket_takes(base: Base) -> None:
    told = _told(base, 256)
    # The first has its pipes from before; no descriptor reaches either.
    assert told["quiet"] == [[True, 109], [False, 109]]
    assert told["after"] == [False, [None]]
