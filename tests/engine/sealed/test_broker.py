"""What the broker does for a worker, and what it refuses: by real workers."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from lockgate._call.call import Cancellation
from lockgate._rights.file import GrantsFile
from lockgate._sealed.broker import DENIALS_LIMIT
from lockgate._seating.seats import identity_of
from lockgate.discovery import discover
from lockgate.errors import HookError
from lockgate.grants import rights_asked
from lockgate.host import AuditRecord, Host
from lockgate.values import Data, Document, File, Tree
from lockgate_sandbox import Sandbox, Worker
from tests.support.host_plugins import Site, manifest_of

ASKING = """
import json
from lockgate.plugin import Transformation, Tree, hookimpl

@hookimpl
def transform(tree, options, context):
    try:
        value = ask(tree, options, context)
    except Exception as error:
        if options.get("raise"):
            raise
        kinds = [kind.__name__ for kind in type(error).__mro__]
        value = {"error": str(error), "kinds": kinds}
    return Transformation(Tree.of({"answer.json": json.dumps(value)}))

def ask(tree, options, context):
    __BODY__
"""

PROGRAM = """run = context.run_program(
        options["name"], options["arguments"], tree=tree,
        stdin=options.get("stdin", "").encode(), collect=options.get("collect", ()),
        timeout=options.get("timeout"))
    return {"status": run.status, "stdout": run.stdout.decode(),
            "stderr": run.stderr.decode(), "posture": dict(run.posture),
            "files": {f.path: f.text for f in run.tree}}"""

PYTHON = """run = context.run_python(tree, options["entry"], options.get("arguments"),
        **options.get("limits", {}))
    return {"value": run.value, "error": run.error, "message": run.message,
            "output": run.output, "layers": len(run.posture.get("layers", ()))}"""

PROGRAM_RIGHTS = """
[rights]
workers = true
[[rights.programs]]
name = "ruff"
distribution = "ruff"
file = "bin/ruff"
"""

TOOL_RIGHTS = """
[[rights.tools]]
name = "sh"
read = ["/usr/share"]
reason = "runs a script"
[[rights.tools]]
name = "no-such-tool"
read = []
reason = "is not there"
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def add(site: Site, body: str, *, tier: str = "admin") -> None:
    rights = PROGRAM_RIGHTS + (TOOL_RIGHTS if tier == "admin" else "")
    manifest = manifest_of("asker", tier=tier, more=rights)
    site.add("asker", ASKING.replace("__BODY__", body), manifest=manifest)


def grant(site: Site, *keys: str) -> None:
    state = discover([str(site.folder)]).get("asker")
    assert state is not None
    assert state.manifest is not None
    file = GrantsFile(Path(site.config.grants_file))
    asked = rights_asked(state.manifest)
    given = frozenset(keys) or frozenset(right.key for right in asked)
    file.grant(identity_of(state), asked, given)


def ask(host: Host, tree: Tree | None = None, **options: Data) -> dict[str, Data]:
    answers = host.call("transform", tree=tree or Tree(), options=options)
    value: dict[str, Data] = json.loads(answers.first.tree["answer.json"].text)
    return value


def denials(host: Host, **options: Data) -> tuple[Document, ...]:
    return host.call("transform", tree=Tree(), options=options).items[0].denials


# -- programs of the plugin's own environment ---------------------------------------


def test_a_granted_program_runs_under_the_plugins_seal(site: Site) -> None:
    add(site, PROGRAM, tier="elevated")
    grant(site)

    with site.open() as host:
        answer = ask(
            host,
            Tree.of({"a.py": "x=1\n"}),
            name="ruff",
            arguments=["format", "--no-cache", "a.py"],
            collect=["*.py"],
        )

    assert answer["status"] == 0, answer
    assert answer["files"] == {"a.py": "x = 1\n"}


def test_a_missing_grant_is_named_with_the_command_that_gives_it(site: Site) -> None:
    add(site, PROGRAM, tier="elevated")
    options: dict[str, Any] = {"name": "ruff", "arguments": ["--version"]}

    with site.open() as host:
        answer = ask(host, **options)
        (denial,) = denials(host, **options)

    command = "lockgate grants grant asker program:ruff tier:elevated"
    assert "PermissionError" in str(answer["kinds"])
    assert command in str(answer["error"])
    assert denial["right"] == "program:ruff"
    assert denial["grant"] == command


def test_a_plugin_that_ends_for_a_denial_carries_the_command_in_its_hint(
    site: Site,
) -> None:
    add(site, PROGRAM, tier="elevated")
    options: dict[str, Any] = {"name": "ruff", "arguments": [], "raise": True}

    with site.open() as host, pytest.raises(HookError) as caught:
        host.call("transform", tree=Tree(), options=options)

    assert caught.value.cause == "permission-denied"
    assert "lockgate grants grant asker program:ruff" in caught.value.hint
    assert caught.value.fields["right"] == "program:ruff"


def test_grants_work_at_once_and_are_gone_when_revoked(site: Site) -> None:
    """In one host: granted, used, revoked, refused, without a restart."""
    add(site, PROGRAM, tier="elevated")
    options: dict[str, Any] = {"name": "ruff", "arguments": ["--version"]}

    with site.open() as host:
        assert "error" in ask(host, **options)
        grant(site, "tier:elevated", "program:ruff")
        assert ask(host, **options)["status"] == 0
        GrantsFile(Path(site.config.grants_file)).revoke("asker")
        assert "error" in ask(host, **options)


def test_a_changed_plugin_has_lost_its_grants(site: Site) -> None:
    add(site, PROGRAM, tier="elevated")
    grant(site)
    options: dict[str, Any] = {"name": "ruff", "arguments": ["--version"]}
    with site.open() as host:
        assert ask(host, **options)["status"] == 0

    add(site, PROGRAM + "\n    # changed", tier="elevated")

    with site.open() as host:
        assert "lockgate grants grant" in str(ask(host, **options)["error"])


def test_a_program_that_runs_too_long_is_a_timeout(site: Site) -> None:
    add(site, PROGRAM, tier="elevated")
    grant(site)

    with site.open() as host:
        # It reads source from a standard input that never ends: here it does,
        # but no analysis of this size is done in a millisecond.
        answer = ask(
            host,
            Tree.of({"a.py": "x = 1\n" * 20000}),
            name="ruff",
            arguments=["check", "--no-cache", "--select", "ALL", "a.py"],
            timeout=0.001,
        )

    assert "TimeoutError" in str(answer["kinds"])


# -- programs of the machine ----------------------------------------------------------


def test_a_tool_runs_in_a_sandbox_of_its_own(site: Site) -> None:
    add(site, PROGRAM)
    grant(site)
    audit: list[AuditRecord] = []

    with site.open(on_audit=audit.append) as host:
        answer = ask(
            host,
            Tree.of({"in/a.txt": "hello\n"}),
            name="sh",
            arguments=["-c", 'read x < in/a.txt; echo "$x!" > b.txt; read y; echo $y'],
            stdin="typed\n",
            collect=["b.txt"],
        )

    assert answer["status"] == 0, answer
    assert answer["stdout"] == "typed\n"
    assert answer["files"] == {"b.txt": "hello!\n"}
    posture = answer["posture"]
    assert isinstance(posture, dict)
    assert posture["layers"]
    ran = [record for record in audit if record.action == "run_tool"]
    assert [record.right for record in ran] == ["tool:sh"]


def test_a_tool_is_given_a_tree_with_an_executable_file_as_plain_files(
    site: Site,
) -> None:
    add(site, PROGRAM)
    grant(site)
    tree = Tree((File("run.sh", b"echo ran\n", executable=True),))

    with site.open() as host:
        answer = ask(host, tree, name="sh", arguments=["run.sh"])

    assert answer["stdout"] == "ran\n", answer


def test_a_tool_sees_neither_the_host_nor_the_plugins_files(site: Site) -> None:
    secret = site.root / "secret"
    secret.write_text("secret", "utf-8")
    secret.chmod(0o644)
    add(site, PROGRAM)
    grant(site)
    script = f'read x < {secret} && echo "$x"; echo "$HOST_TOKEN"; echo over'

    with site.open() as host:
        answer = ask(host, name="sh", arguments=["-c", script])

    assert "secret" not in str(answer["stdout"])
    assert str(answer["stdout"]).endswith("over\n")


def test_a_tool_needs_its_grant(site: Site) -> None:
    add(site, PROGRAM)
    grant(site, "tier:admin", "workers")

    with site.open() as host:
        answer = ask(host, name="sh", arguments=["-c", "echo"])

    assert "lockgate grants grant asker tool:sh" in str(answer["error"])


def test_a_tool_that_is_not_asked_for_cannot_be_granted(site: Site) -> None:
    add(site, PROGRAM)
    grant(site)

    with site.open() as host:
        answer = ask(host, name="bash", arguments=["-c", "echo"])

    assert "asks for no program 'bash'" in str(answer["error"])
    assert "PermissionError" in str(answer["kinds"])


FLOOD = """names = [options["name"] * options["length"] + str(n) for n in range(300)]
    for name in [*names, "sh"]:
        try:
            context.run_program(name, [])
        except OSError as error:
            met = error
    if options.get("last"):
        raise met
    return {"kinds": [], "error": str(met)}"""


def test_refusals_without_end_are_kept_as_far_as_anybody_reads(site: Site) -> None:
    add(site, FLOOD)
    grant(site, "tier:admin", "workers")

    with site.open() as host:
        kept = denials(host, name="x", length=100_000)
        with pytest.raises(HookError) as caught:
            host.call(
                "transform",
                tree=Tree(),
                options={"name": "x", "length": 1, "raise": True, "last": True},
            )

    assert len(kept) == DENIALS_LIMIT
    assert sum(len(json.dumps(dict(one))) for one in kept) < DENIALS_LIMIT * 4096
    # The first are there, and the one that the call may have ended by.
    assert str(kept[0]["right"]).startswith("tool:xxx")
    assert kept[-1]["right"] == "tool:sh"
    assert "lockgate grants grant asker tool:sh" in caught.value.hint


def test_a_granted_tool_that_is_not_installed_is_not_found(site: Site) -> None:
    add(site, PROGRAM)
    grant(site)

    with site.open() as host:
        answer = ask(host, name="no-such-tool", arguments=[])

    assert "FileNotFoundError" in str(answer["kinds"])
    assert "not installed" in str(answer["error"])


def test_a_tool_that_runs_too_long_is_a_timeout(site: Site) -> None:
    add(site, PROGRAM)
    grant(site)

    with site.open() as host:
        answer = ask(
            host, name="sh", arguments=["-c", "while :; do :; done"], timeout=0.3
        )

    assert "TimeoutError" in str(answer["kinds"])


def test_a_plugin_can_ask_what_it_would_find(site: Site) -> None:
    names = '"ruff", "sh", "no-such-tool", "bash"'
    add(site, f"return {{name: context.has_program(name) for name in ({names})}}")

    with site.open() as host:
        before = ask(host)
        grant(site)
        after = ask(host)

    assert set(before.values()) == {False}
    assert {name for name, found in after.items() if found} == {"ruff", "sh"}


# -- python -------------------------------------------------------------------


def test_python_runs_in_a_fresh_worker_from_memory(site: Site) -> None:
    add(site, PYTHON)
    grant(site)
    tree = Tree.of(
        {
            "app/__init__.py": "from app.inner import double",
            "app/inner.py": "from helper import two\ndef double(n): return n * two()",
            "helper.py": "import sys\ndef two():\n    print('asked')\n    return 2",
        }
    )

    with site.open() as host:
        answer = ask(host, tree, entry="app:double", arguments={"n": 21})

    assert answer["value"] == 42, answer
    assert answer["output"] == "asked\n"
    assert answer["layers"]


def test_a_call_that_ends_while_its_python_starts_ends_that_too(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(site, PYTHON)
    grant(site)
    start, cancellation = Sandbox.worker, Cancellation()

    def starting(*given: Any, **named: Any) -> Worker:
        """The real start, and meanwhile another thread ends the call."""
        worker = start(*given, **named)
        if named["name"].endswith("-python"):
            cancellation.cancel()
        return worker

    monkeypatch.setattr(Sandbox, "worker", starting)
    tree = Tree.of({"m.py": "import time\ndef run(): time.sleep(60)"})
    limits: Data = {"wall_seconds": 60.0}
    given = {"tree": tree, "options": {"entry": "m:run", "limits": limits}}
    with site.open() as host:
        started = time.monotonic()
        with pytest.raises(HookError):
            host.call_within("transform", None, 50, given, None, cancellation)

    assert time.monotonic() - started < 30


@pytest.mark.parametrize("body", ["return 1", "raise ValueError"])
def test_nothing_is_left_of_a_worker_that_has_run_python(site: Site, body: str) -> None:
    """Else a plugin that asks often uses up the host's descriptors."""
    add(site, PYTHON)
    grant(site)
    tree = Tree.of({"m.py": f"def run(): {body}"})

    with site.open() as host:
        counts: list[int] = []
        for _ in range(12):
            ask(host, tree, entry="m:run")
            counts.append(len(os.listdir("/proc/self/fd")))  # noqa: PTH208

    assert counts[-1] - counts[3] < 8, counts  # less than one for each


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("def run(): raise ValueError('odd')", "remote-error", "ValueError: odd"),
        ("def run(): return object()", "remote-error", "object"),
        ("def other(): ...", "remote-error", "no function"),
        ("def run(:", "remote-error", "SyntaxError"),
        ("import os\nos._exit(3)", "worker-died", "exit status 3"),
        ("def run():\n    while True: pass", "cpu-limit", "CPU"),
        ("import time\ndef run(): time.sleep(60)", "wall-limit", "wall"),
        ("def run(): return len([0] * 10**9)", "memory-limit", "memory"),
        ("def run(): open('/etc/shadow')", "remote-error", "Permission|No such"),
        ("import os\ndef run(): os.fork()", "remote-error", "Permission|permitted"),
    ],
)
def test_however_python_ends_it_is_a_value(
    site: Site, source: str, error: str, words: str
) -> None:
    add(site, PYTHON)
    grant(site)
    limits = {"cpu_seconds": 1.0, "wall_seconds": 3.0}
    if error == "wall-limit":
        limits = {"cpu_seconds": 1.0, "wall_seconds": 0.5}

    with site.open() as host:
        answer = ask(host, Tree.of({"m.py": source}), entry="m:run", limits=limits)

    import re

    assert answer["error"] == error, answer
    assert re.search(words, str(answer["message"]), re.IGNORECASE), answer
    assert answer["value"] is None


def test_python_needs_the_right_to_workers(site: Site) -> None:
    add(site, PYTHON)
    grant(site, "tier:admin")

    with site.open() as host:
        answer = ask(host, Tree.of({"m.py": "def run(): ..."}), entry="m:run")

    assert "lockgate grants grant asker workers" in str(answer["error"])


def test_the_limits_of_python_are_at_most_the_tiers(site: Site) -> None:
    add(site, PYTHON)
    grant(site)
    limits: Data = {"memory_bytes": 2**40, "cpu_seconds": 1e9, "wall_seconds": 20.0}

    with site.open() as host:
        answer = ask(
            host,
            Tree.of({"m.py": "def run(): return len(bytearray(400 * 2**20))"}),
            entry="m:run",
            limits=limits,
        )

    assert answer["error"] == "memory-limit", answer


# -- what the kernel refuses -----------------------------------------------------


def reading(site: Site, path: Path, *, asked: bool) -> None:
    """Install the plugin so that it reads `path`, `asked` for or not."""
    rights = f'[rights]\nread = ["{path}"]\n' if asked else ""
    manifest = manifest_of("asker", tier="elevated", more=rights)
    source = ASKING.replace("__BODY__", f"return open({str(path)!r}).read()")
    site.add("asker", source, manifest=manifest)


@pytest.fixture
def treasure(site: Site) -> Path:
    path = site.root / "treasure.txt"
    path.write_text("gold", "utf-8")
    path.chmod(0o644)
    return path


def test_a_path_that_is_asked_for_and_not_granted_names_the_grant(
    site: Site, treasure: Path
) -> None:
    reading(site, treasure, asked=True)

    with site.open() as host:
        with pytest.raises(HookError) as caught:
            host.call("transform", tree=Tree(), options={"raise": True})
        grant(site)
        tree = host.call("transform", tree=Tree()).first.tree

    assert f"lockgate grants grant asker read:{treasure}" in caught.value.hint
    assert caught.value.cause == "permission-denied"
    assert tree["answer.json"].text == '"gold"'


def test_a_path_that_is_not_asked_for_cannot_be_granted(
    site: Site, treasure: Path
) -> None:
    reading(site, treasure, asked=False)

    with site.open() as host, pytest.raises(HookError) as caught:
        host.call("transform", tree=Tree(), options={"raise": True})

    assert "does not ask for this path" in caught.value.hint
