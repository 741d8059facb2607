"""Management commands run no plugin: not its package, not its `.pth`, nothing.

The plugins here destroy whatever imports them. An audit hook in the very process
of the command watches every import and every file that it opens.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engine.cli.conftest import Shell
from tests.support.dists import manifest_text

HOSTILE = {
    "deleter": "import shutil, os; shutil.rmtree(os.environ['HOME'])\n",
    "looper": "while True: pass\n",
    "leaver": "import os; os._exit(77)\n",
    "raiser": "raise SystemExit(78)\n",
    "crasher": "import ctypes; ctypes.string_at(0)\n",
}

COMMANDS = [
    ["list"],
    ["list", "--json"],
    ["info", "deleter"],
    ["--help"],
    ["help"],
    ["hooks"],
    ["config"],
    ["doctor"],
    ["looper", "--help"],
]

WATCHER = """\
import sys

seen = []

def watch(event, arguments):
    if event == "import":
        seen.append(f"import {arguments[0]}")
    elif event == "open" and isinstance(arguments[0], str):
        seen.append(f"open {arguments[0]}")
    elif event == "exec":
        seen.append(f"exec {arguments[0].co_filename}")

sys.addaudithook(watch)
from lockgate.cli import main
try:
    main(sys.argv[1:])
finally:
    with open("trace", "w") as file:
        file.write("\\n".join(seen))
"""


@pytest.fixture
def hostile(shell: Shell) -> Shell:
    (shell.home / "precious").write_text("data")
    for name, code in HOSTILE.items():
        command = (
            f'[[commands]]\nnoun = "{name}"\nverb = "go"\nhelp = "x"\n'
            'pipeline = "go.yaml"\n'
        )
        shell.site.wheel(
            name,
            manifest=manifest_text(name, extra=command),
            files={f"{name}/__init__.py": code, f"{name}/plugin.py": code},
        )
    return shell


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_plugins_that_destroy_their_importer_are_harmless(
    hostile: Shell, command: list[str]
) -> None:
    result = hostile.run(*command)

    # doctor may find problems of this machine; what it must not do is end otherwise
    assert result.status in ((0, 1) if command == ["doctor"] else (0,)), result.err
    assert (hostile.home / "precious").exists()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_plugin_module_is_imported_and_no_plugin_code_opened(
    hostile: Shell, command: list[str]
) -> None:
    hostile.python(WATCHER, *command)

    trace = (hostile.work / "trace").read_text().splitlines()
    # To hold a plugin against its hooks its source is read, as text.
    reads = command[0] in ("info", "doctor")
    suffixes = (".pyc", ".so") if reads else (".py", ".pyc", ".so")
    ours = (*HOSTILE, "lockgate_firmware", "lockgate_lint", "lockgate_devices")
    imported = [
        line
        for line in trace
        if line.startswith("import ")
        and line.removeprefix("import ").partition(".")[0] in ours
    ]
    opened = [
        line
        for line in trace
        if line.startswith("open ")
        and line.endswith(suffixes)
        and any(f"/{name}/" in line for name in ours)
    ]
    executed = [
        line
        for line in trace
        if line.startswith("exec ") and any(f"/{name}/" in line for name in ours)
    ]
    assert any(line.startswith("import lockgate.") for line in trace)
    assert any(line.endswith("/lockgate/cli/_main.py") for line in trace)
    assert imported == []
    assert executed == []
    assert opened == []


def test_what_hooks_into_the_libraries_of_the_host_is_not_run_either(
    hostile: Shell,
) -> None:
    """Pydantic would import each entry point of its group when a model is built."""
    points = "[pydantic]\nleaver = leaver:plugin\n"
    (hostile.site.plain("parasite") / "entry_points.txt").write_text(points)
    (hostile.work / "lockgate.toml").write_text("timeout = 9\n")

    assert hostile.names()["leaver"] == "ok"
    control = "import pydantic\nclass M(pydantic.BaseModel): x: int\n"
    assert hostile.python(control).status == 77


def test_importing_such_a_plugin_really_is_destructive(hostile: Shell) -> None:
    """The control: without lockgate's care the same plugins do their harm."""
    assert hostile.python("import leaver").status == 77
    assert hostile.python("import raiser").status == 78
    hostile.python("import deleter")
    assert not (hostile.home / "precious").exists()


def test_the_kernel_sees_no_plugin_code_opened(hostile: Shell, tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    log = tmp_path / "log"
    done = subprocess.run(
        [strace, "-f", "-e", "trace=open,openat,openat2", "-o", str(log),
         *hostile.command("list")],
        cwd=hostile.work, env=hostile.env, capture_output=True,
    )  # fmt: skip
    if done.returncode and "ptrace" in done.stderr.decode():
        pytest.skip("strace may not trace here")

    lines = log.read_text().splitlines()
    assert any("deleter/lockgate.toml" in line for line in lines)
    assert not [
        line
        for line in lines
        if any(f"/{n}/" in line for n in HOSTILE) and ".py" in line
    ]


def test_a_distribution_of_every_kind_of_ruin_is_a_row(hostile: Shell) -> None:
    site = hostile.site
    site.wheel("torn", manifest="schema = ")
    site.wheel("empty", manifest=b"\x00")
    (site.wheel("gone") / "METADATA").unlink()
    loop = site.folder / "loop-1.0.dist-info"
    loop.symlink_to(loop)

    states = hostile.names()

    assert states["torn"] == states["empty"] == states["gone"] == "broken"
    assert {states[name] for name in HOSTILE} == {"ok"}


def test_the_management_commands_take_no_third_party_import_on_a_warm_index(
    hostile: Shell,
) -> None:
    hostile.run("list")
    hostile.run("list")  # the second makes the index trusted: its files have aged
    code = (
        "import sys; from lockgate.cli import main; main(['list'])\n"
        "heavy = ('pydantic', 'yaml', 'msgspec', 'rich', 'pluggy', 'stevedore',\n"
        "  'packaging', 'jsonschema', 'importlib.metadata')\n"
        "sys.exit(str([name for name in heavy if name in sys.modules]))"
    )

    assert hostile.python(code).err == "[]\n"


def test_hooks_are_shown_with_every_plugin_broken(shell: Shell) -> None:
    shell.site.wheel("torn", manifest="schema = ")

    assert shell.run("hooks", "show", "generate").status == 0
