"""Workers that run from the store: they read their wheels, and write to none.

A plugin that may write into its own environment writes into that of every plugin with
the same wheel. Each way to do it is tried from inside a worker; with the layers off
that hold it, it works.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Literal

import pytest

from lockgate import _host
from lockgate._rights.file import GrantsFile
from lockgate._seating.seats import identity_of
from lockgate.config import Config
from lockgate.grants import rights_asked
from lockgate.host import Host
from lockgate.values import Tree
from lockgate_marketplace.store import Store
from lockgate_sandbox import Sandbox
from tests.marketplace.store.conftest import install, judged
from tests.support.dists import manifest_text

LIBRARY = judged("library", files={"library/__init__.py": "word = 'sound'\n"})

LINKED = Path(gettempdir(), f"lockgate-test-linked-{os.getpid()}")
ATTACKS = {
    "opens": "open(victim, 'w').write('word = 1')",
    "appends": "open(victim, 'a').write('word = 1')",
    "truncates": "os.truncate(victim, 0)",
    "changes the mode": "os.chmod(victim, 0o666); open(victim, 'w').write('x')",
    "removes": "os.chmod(folder, 0o777); os.unlink(victim)",
    "replaces": (
        "os.chmod(folder, 0o777); open(victim + '2', 'w').write('x'); "
        "os.replace(victim + '2', victim)"
    ),
    "adds a module": "os.chmod(folder, 0o777); open(folder + '/more.py', 'w').close()",
    "leaves byte code": (
        "os.chmod(folder, 0o777); os.mkdir(folder + '/__pycache__'); "
        "open(folder + '/__pycache__/x.pyc', 'w').close()"
    ),
    "links it and writes there": (
        f"link = {str(LINKED)!r}; os.link(victim, link); os.chmod(link, 0o666); "
        "open(link, 'w').write('word = 1')"
    ),
    "moves the wheel away": (
        "wheel = os.path.dirname(os.path.dirname(folder)); os.chmod(wheel, 0o777); "
        "os.rename(wheel, wheel + '-away')"
    ),
}

SOURCE = """
import os
from lockgate.plugin import Transformation, Tree, hookimpl
import library

ATTACKS = {attacks!r}

@hookimpl
def transform(tree, options):
    victim = library.__file__
    folder = os.path.dirname(victim)
    told = dict(word=library.word, path=os.pathsep.join(__import__("sys").path))
    name = options.get("attack")
    if name:
        try:
            exec(ATTACKS[name])
            told["attack"] = "done"
        except OSError as error:
            told["attack"] = type(error).__name__
    return Transformation(Tree.of(told))
"""

ACME = judged(
    "acme",
    manifest=manifest_text("acme"),
    files={"acme/__init__.py": SOURCE.format(attacks=ATTACKS)},
)
ALL_OFF: dict[str, Literal["off"]] = dict.fromkeys(
    ("uid", "capabilities", "user-namespace", "mount-namespace", "landlock", "seccomp",
     "scratch", "process-limit", "rlimits", "pid-namespace"), "off",
)  # fmt: skip


@pytest.fixture
def config() -> Iterator[Config]:
    # A worker may run as a user without rights: it must be able to reach the store.
    with TemporaryDirectory(prefix="lockgate-test-") as name:
        root = Path(name)
        root.chmod(0o755)
        yield Config(
            grants_file=str(root / "grants" / "grants.toml"),
            cache_dir=str(root / "cache"),
            data_dir=str(root / "data"),
            state_dir=str(root / "state"),
        )


@pytest.fixture
def store(config: Config) -> Store:
    made = Store(config.data_dir)
    install(made, ACME, LIBRARY)
    return made


def told(host: Host, attack: str = "") -> dict[str, str]:
    options = {"attack": attack} if attack else {}
    answer = host.call("transform", plugin="acme", tree=Tree.of({}), options=options)
    return {file.path: file.text for file in answer.first.tree.files}


def unsealed(config: Config) -> Sandbox:
    """What a host would start its workers in if it had no layer."""
    del config
    return Sandbox.open(layers=ALL_OFF)


def damage(store: Store) -> list[str]:
    return [f"{one.where}: {one.message}" for one in store.verify()]


def test_a_worker_imports_from_its_wheels_and_may_write_to_none(
    config: Config, store: Store
) -> None:
    with Host.open(config, search_path=[]) as host:
        plain = told(host)
        refused = {attack: told(host, attack)["attack"] for attack in ATTACKS}

    sites = [f"{store.root}/wheels/{w.sha256}/site" for w in (ACME, LIBRARY)]
    assert plain["word"] == "sound"
    assert [p for p in plain["path"].split(":") if "/wheels/" in p] == sites
    assert set(refused.values()) <= {"PermissionError", "OSError", "FileNotFoundError"}
    assert damage(store) == []


@pytest.mark.parametrize("attack", sorted(ATTACKS))
def test_with_the_layers_off_the_same_plugin_poisons_the_store(
    config: Config, store: Store, monkeypatch: pytest.MonkeyPatch, attack: str
) -> None:
    monkeypatch.setattr(_host, "open_sandbox", unsealed)
    LINKED.unlink(missing_ok=True)

    with Host.open(config, search_path=[]) as host:
        assert told(host, attack)["attack"] == "done"

    LINKED.unlink(missing_ok=True)
    assert damage(store) != []


def test_two_plugins_with_one_wheel_share_it_and_see_no_others(
    config: Config, store: Store
) -> None:
    other = judged(
        "other",
        manifest=manifest_text("other"),
        files={"other/__init__.py": SOURCE.format(attacks=ATTACKS)},
    )
    install(store, other, LIBRARY)

    with Host.open(config, search_path=[]) as host:
        answers = host.call("transform", tree=Tree.of({}), options={})

    paths = [one.value.tree["path"].text for one in answers]
    assert all(f"/wheels/{LIBRARY.sha256}/site" in path for path in paths)
    assert f"/wheels/{ACME.sha256}/site" not in paths[1]
    assert len(list((store.root / "wheels").iterdir())) == 3


PROGRAM = manifest_text(
    "tooled",
    tier='"elevated"',
    extra="""
[[rights.programs]]
name = "echo"
distribution = "tooled"
file = "bin/say"
""",
)
RUNS = """
import os, subprocess
from lockgate.plugin import Transformation, Tree, hookimpl

@hookimpl
def transform(tree, context):
    here = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    told = {"has": str(context.has_program("echo"))}
    if context.has_program("echo"):
        told["said"] = context.run_program("echo", ["hello"]).stdout.decode()
    for file in ("bin/say", "bin/other"):
        try:
            done = subprocess.run([f"{here}/{file}", "x"], capture_output=True)
            told[file] = str(done.returncode)
        except OSError as error:
            told[file] = type(error).__name__
    return Transformation(Tree.of(told))
"""


def test_a_program_of_the_wheel_runs_by_its_grant_and_in_no_other_way(
    config: Config,
) -> None:
    echo = Path("/bin/echo").read_bytes()
    wheel = judged(
        "tooled",
        manifest=PROGRAM,
        files={"tooled/__init__.py": RUNS},
        scripts={"say": echo, "other": echo},
    )
    store = Store(config.data_dir)
    install(store, wheel)

    def told() -> dict[str, str]:
        with Host.open(config, search_path=[]) as host:
            answer = host.call("transform", tree=Tree.of({}))
        return {file.path: file.text for file in answer.first.tree.files}

    before = told()
    with Host.open(config, search_path=[]) as host:
        (state,) = host.plugins()
    assert state.manifest is not None
    asked = rights_asked(state.manifest)
    keys = frozenset({"tier:elevated", "program:echo"})
    GrantsFile(Path(config.grants_file)).grant(identity_of(state), asked, keys)
    after = told()

    assert before["has"] == "False"
    assert {before["bin/say"], before["bin/other"]} == {"PermissionError"}
    assert (after["has"], after["said"], after["bin/say"]) == ("True", "hello\n", "0")
    assert after["bin/other"] == "PermissionError"
    assert damage(store) == []
