"""Hostile plugins: harmless to the host, to its files, and to the other plugins."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lockgate.errors import (
    AnswerInvalidError,
    HookError,
    LockgateError,
    PluginUnavailableError,
    WorkerCrashedError,
)
from lockgate.host import AuditRecord
from lockgate.values import Tree
from tests.support.host_plugins import Site, manifest_of

TREE = Tree.of({"a.txt": "text"})

GOOD = """
from lockgate.plugin import Transformation, hookimpl

@hookimpl
def transform(tree):
    return Transformation(tree)
"""

TIGHT = '[limits]\ncpu-seconds = 2\nwall-seconds = 4\nmemory-bytes = "128 MiB"'


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.add("good", GOOD)
    return made


def hostile(site: Site, body: str, *, at_import: bool = False) -> None:
    """Install the plugin ``evil``, which does `body` when imported, or called."""
    lines = "\n".join(
        line if at_import else f"    {line}" for line in body.strip().splitlines()
    )
    names = "Reason, RefusedError, Transformation, Tree, hookimpl"
    head = f"import os, sys\nfrom lockgate.plugin import {names}\n"
    call = "@hookimpl\ndef transform(tree):\n"
    source = (
        f"{head}{lines}\n{call}    return Transformation(tree)\n"
        if at_import
        else f"{head}{call}{lines}\n    return Transformation(tree)\n"
    )
    site.add("evil", source, manifest=manifest_of("evil", more=TIGHT))


AT_IMPORT = {
    "deletes files": "import shutil; shutil.rmtree({victim!r})",
    "exits": "os._exit(0)",
    "raises SystemExit": "raise SystemExit(0)",
    "loops": "while True: pass",
    "forks": "while True: os.fork()",
    "starts threads": (
        "import threading, time\n"
        "while True: threading.Thread(target=time.sleep, args=(60,)).start()"
    ),
    "takes all memory": "hoard = [bytearray(1 << 20) for _ in range(1 << 20)]",
    "crashes": "import ctypes; ctypes.string_at(0)",
    "kills its parent": "os.kill(os.getppid(), 9)",
    "recurses": "sys.setrecursionlimit(10**9)\ndef f(): f()\nf()",
    "replaces builtins": "import builtins; builtins.len = builtins.isinstance = None",
    "closes every descriptor": "os.closerange(0, 65536)",
    "writes to every descriptor": "for fd in range(3, 64):\n"
    "    try: os.write(fd, b'x' * 65536)\n"
    "    except OSError: pass",
}


@pytest.mark.parametrize("body", AT_IMPORT.values(), ids=AT_IMPORT.keys())
def test_whatever_an_import_does_stays_its_own_trouble(site: Site, body: str) -> None:
    victim = site.root / "victim"
    victim.mkdir()
    (victim / "file").write_text("precious", "utf-8")
    victim.chmod(0o777)
    hostile(site, body.format(victim=str(victim)), at_import=True)

    with site.open() as host:
        with pytest.raises(LockgateError) as caught:
            host.call("transform", plugin="evil", tree=TREE, timeout=10)
        assert host.call("transform", plugin="good", tree=TREE).first.tree == TREE
        assert {state.name for state in host.plugins()} == {"good", "evil"}

    assert isinstance(caught.value, HookError)
    assert caught.value.plugin == "evil"
    assert (victim / "file").read_text("utf-8") == "precious"
    assert "evil_plugin.impl" not in sys.modules


def test_the_import_that_deletes_would_really_delete(tmp_path: Path) -> None:
    """The attack of the test above, without a sandbox: it works."""
    victim = tmp_path / "victim"
    victim.mkdir()

    subprocess.run(
        [sys.executable, "-c", AT_IMPORT["deletes files"].format(victim=str(victim))],
        check=True,
    )

    assert not victim.exists()


ATTACKS = {
    "reads a secret of the host": (
        "open({secret!r}).read()",
        "Permission|No such file",
    ),
    "opens a socket": (
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "Permission|not permitted|not supported",
    ),
    "starts a program": (
        "import subprocess; subprocess.run(['/bin/true'])",
        "Permission|not permitted|No such file",
    ),
    "forks": ("os.fork()", "Permission|not permitted"),
    "writes a file": (
        "open('/tmp/lockgate-hostile', 'w')",
        "Permission|Read-only|No such file",
    ),
    "signals the host": (
        "os.kill({pid}, 9)",
        "Permission|not permitted|No such process",
    ),
}


@pytest.mark.parametrize(("body", "words"), ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_ends_as_an_error_that_names_the_plugin(
    site: Site, body: str, words: str
) -> None:
    secret = site.root / "secret.txt"
    secret.write_text("the host's own", "utf-8")
    secret.chmod(0o644)
    hostile(site, body.format(secret=str(secret), pid=os.getpid()))

    with site.open() as host, pytest.raises(HookError, match=words) as caught:
        host.call("transform", plugin="evil", tree=TREE)

    assert caught.value.plugin == "evil"


def test_the_environment_of_the_host_is_not_seen(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST_TOKEN", "s3cret")
    hostile(site, "return Transformation(Tree.of({'env': repr(dict(os.environ))}))")

    with site.open() as host:
        tree = host.call("transform", plugin="evil", tree=TREE).first.tree

    assert "s3cret" not in tree["env"].text


def test_an_answer_made_by_hand_is_decoded_by_the_spec_alone(site: Site) -> None:
    """A plugin that replaces our own code in its worker still cannot lie its way in."""
    hostile(
        site,
        """
import lockgate._codec.convert, lockgate._specs.spec
for spec in lockgate._specs.spec.specs().values():
    object.__setattr__(spec.answer, 'encode', lambda value: {
        'tree': {'files': [{'path': '../../../tmp/x', 'content': b''}]},
    })
""",
    )

    with site.open() as host, pytest.raises(AnswerInvalidError) as caught:
        host.call("transform", plugin="evil", tree=TREE)

    assert caught.value.fields["path"] == "tree.files[0]"
    assert "relative" in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        "{'tree': {'files': []}, 'surprise': 1}",
        "{'tree': {'files': [{'path': 'a', 'content': 'text'}]}}",
        "[1, 2, 3]",
        "b'bytes'",
        "{'tree': {'files': [{'path': 'a', 'content': b''}] * 2}}",
    ],
)
def test_no_shape_of_answer_gets_past_the_types(site: Site, answer: str) -> None:
    hostile(
        site,
        f"""
import lockgate._specs.spec
for spec in lockgate._specs.spec.specs().values():
    object.__setattr__(spec.answer, 'encode', lambda value: {answer})
""",
    )

    with site.open() as host, pytest.raises(AnswerInvalidError):
        host.call("transform", plugin="evil", tree=TREE)


def test_forged_reasons_are_checked_like_an_answer(site: Site) -> None:
    hostile(
        site,
        """
error = RuntimeError("forged")
error.lockgate_details = {"kind": "refused", "reasons": [{"code": 1}]}
raise error
""",
    )

    with site.open() as host, pytest.raises(AnswerInvalidError, match="reasons"):
        host.call("transform", plugin="evil", tree=TREE)


def test_forged_requests_to_the_broker_are_refused(site: Site) -> None:
    hostile(
        site,
        """
import gc
from lockgate._guest.context import WorkerContext
context = next(o for o in gc.get_objects() if type(o) is WorkerContext)
session = context._session
for name, arguments in [
    ("run_tool", {"name": "sh", "arguments": "-c id"}),
    ("run_tool", {"name": "sh", "arguments": ["-c", "id"], "stdin": b"", "tree": {},
                  "collect": [], "timeout": None}),
    ("run_python", {"tree": {}, "entry": "os:getcwd", "arguments": {},
                    "cpu_seconds": 1.0, "wall_seconds": 1.0, "memory_bytes": 1}),
    ("progress", {"message": 1, "fraction": None}),
    ("no_such_callback", {}),
]:
    try:
        session.call_host(name, arguments)
    except Exception:
        continue
    os._exit(99)
""",
    )

    with site.open() as host:
        answers = host.call("transform", plugin="evil", tree=TREE)

    assert answers.first.tree == TREE
    rights = [denial["right"] for denial in answers.items[0].denials]
    assert rights == ["tool:sh", "workers"]


def test_a_flood_of_output_is_cut_not_kept(site: Site) -> None:
    hostile(site, "for _ in range(2000): print('x' * 4096)")

    with site.open() as host:
        (answer,) = host.call("transform", plugin="evil", tree=TREE).items

    # Cut at the tier's limit, with a word that it was cut.
    assert 0 < len(answer.output) < 2 * 1024 * 1024


def test_a_plugin_that_keeps_dying_is_quarantined_and_the_others_go_on(
    site: Site,
) -> None:
    hostile(site, "os._exit(1)")
    audit: list[AuditRecord] = []

    with site.open(on_audit=audit.append) as host:
        for _ in range(5):
            with pytest.raises(WorkerCrashedError):
                host.call("transform", plugin="evil", tree=TREE)
        with pytest.raises(PluginUnavailableError, match="died 5 times") as caught:
            host.call("transform", plugin="evil", tree=TREE)
        assert host.call("transform", plugin="good", tree=TREE).first.tree == TREE
        states = {state.name: state for state in host.plugins()}
        assert "quarantined" in states["evil"].reason
        assert states["good"].state == "ok"
        host.release("evil")
        with pytest.raises(WorkerCrashedError):
            host.call("transform", plugin="evil", tree=TREE)

    assert caught.value.state == "quarantined"
    assert [r.action for r in audit].count("quarantine") == 1
