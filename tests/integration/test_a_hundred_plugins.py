"""A hundred plugins, thirty of them broken or hostile at import: the others work on.

Every management verb is run on them as its users run it. Whatever imports one of
these plugins outside of a worker leaves a mark, and one test shows that it would.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from lockgate.errors import HookError
from tests.engine.cli.conftest import Shell
from tests.support.host_plugins import Site
from tests.support.hundred import GOOD_NAMES, HOSTILE_NAMES, install


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, mark: Path) -> Site:
    made = Site(tmp_path_factory.mktemp("hundred"))
    install(made, mark)
    return made


VERBS: Sequence[tuple[int, Sequence[str]]] = [
    (0, ["--version"]),
    (0, ["--help"]),
    (0, ["list"]),
    (0, ["list", "--json", "--kind", "generator"]),
    (0, ["info", "loops-0"]),
    (0, ["info", "crashes-0", "--json"]),
    (0, ["hooks", "show", "generator_targets"]),
    (0, ["config"]),
    (0, ["grants", "show"]),
    (0, ["grants", "diff", "forks-0"]),
    (0, ["find", "kind=generator"]),
    (0, ["disable", "loops-1"]),
    (0, ["enable", "loops-1"]),
    (0, ["pin", "hoards-0==1.0"]),
    (0, ["unpin", "hoards-0"]),
    (0, ["ps"]),
    (0, ["logs"]),
    (0, ["data", "show", "crashes-1"]),
    (0, ["quarantine"]),
    (0, ["doctor"]),
    (0, ["doctor", "--fix"]),
]


def test_every_management_verb_works_and_imports_none(
    site: Site, mark: Path, tmp_path: Path
) -> None:
    shell = Shell(tmp_path)
    shell.env["PYTHONPATH"] = str(site.folder)

    for status, words in VERBS:
        result = shell.run(*words)
        assert result.status == status, (words, result.out, result.err)

    listed = shell.names(["--kind", "generator"])
    assert {*GOOD_NAMES, *HOSTILE_NAMES} <= listed.keys()
    assert not mark.exists()


@pytest.mark.slow
def test_every_other_plugin_answers(site: Site, mark: Path) -> None:
    with site.open() as host:
        answers = host.call("generator_targets")
        again = [
            host.call("generator_targets", plugin=name).first for name in GOOD_NAMES[:5]
        ]
        names = {state.name for state in host.plugins()}

    assert sorted(one.plugin for one in answers) == GOOD_NAMES
    assert sorted(one.plugin for one in answers.failed) == sorted(HOSTILE_NAMES)
    assert all(isinstance(one.error, HookError) for one in answers.failed)
    assert all(one.error.fields["plugin"] == one.plugin for one in answers.failed)
    assert [value[0] for value in again] == [
        f"{name.replace('-', '_')}_plugin.impl" for name in GOOD_NAMES[:5]
    ]
    assert names == {*GOOD_NAMES, *HOSTILE_NAMES}
    assert not mark.exists()
    assert not any("_plugin" in name and "good_" in name for name in sys.modules)


def test_an_import_outside_of_a_worker_would_leave_a_mark(tmp_path: Path) -> None:
    """The proof that the tests above can fail."""
    site, mark = Site(tmp_path), tmp_path / "imported"
    install(site, mark)

    ended = subprocess.run(
        [sys.executable, "-c", "import exits_0_plugin.impl; print('alive')"],
        env={"PYTHONPATH": str(site.folder)},
        capture_output=True,
        check=False,
    )

    assert mark.read_text() == "exits_0_plugin.impl"
    assert b"alive" not in ended.stdout
