"""Arrows go one way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.meta.workspace import (
    ROOT,
    Member,
    imports,
    members,
    module_name,
    modules,
)

AUTHOR_API = {"lockgate.plugin", "lockgate.values", "lockgate.expression"}
"""What a sandboxed plugin may import of the engine."""

HOST_API = AUTHOR_API | {"lockgate.host", "lockgate.errors", "lockgate.hookspecs"}
"""What a plugin of the trusted base, which runs in the host, may import too."""

MARKETPLACE_API = HOST_API | {
    "lockgate.config",
    "lockgate.contract",
    "lockgate.discovery",
    "lockgate.documents",
    "lockgate.dry_load",
    "lockgate.granting",
    "lockgate.grants",
    "lockgate.installed",
    "lockgate.inventory",
    "lockgate.manifest",
    "lockgate.owned",
    "lockgate.project",
    "lockgate.quantities",
    "lockgate.rights",
    "lockgate.sarif",
    "lockgate.verb",
}
"""What the marketplace, which installs for the engine, may import besides."""

ALLOWED = {"lockgate-workflows": HOST_API, "lockgate-marketplace": MARKETPLACE_API}
"""What each plugin of the trusted base may import."""

PLUGINS = [member for member in members() if member.is_plugin]


def ours(member: Member) -> list[tuple[Path, int, str]]:
    """Each import of another of our packages, with its place."""
    packages = {other.package for other in members()} - {member.package}
    return [
        (path.relative_to(ROOT), line, name)
        for path in modules(member)
        for line, name in imports(path)
        if name.split(".")[0] in packages
    ]


def test_import_linter_keeps_its_contracts() -> None:
    run = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("member", PLUGINS, ids=lambda m: m.distribution)
def test_a_plugin_imports_the_author_api_only(member: Member) -> None:
    allowed = ALLOWED.get(member.distribution, AUTHOR_API)

    assert [entry for entry in ours(member) if entry[2] not in allowed] == []


@pytest.mark.parametrize(
    "member",
    [member for member in PLUGINS if member.distribution != "lockgate-marketplace"],
    ids=lambda m: m.distribution,
)
def test_the_library_below_plugin_py_knows_no_host(member: Member) -> None:
    """Values may be shared; `Context` and hooks belong to plugin.py.

    The marketplace installs for hosts: it loads a plugin in one to see that it does.
    """
    adapter = (member.source / "plugin.py").relative_to(ROOT)
    below = [entry for entry in ours(member) if entry[0] != adapter]

    assert [entry for entry in below if entry[2] == "lockgate.host"] == []


def test_the_sandbox_imports_nothing_of_ours() -> None:
    (sandbox,) = (m for m in members() if m.distribution == "lockgate-sandbox")

    assert ours(sandbox) == []


def of_the_command_line(module: str) -> bool:
    """Whether a module is for whoever types commands: it reads, asks and prints."""
    _, _, within = module.partition(".")
    return module == "lockgate.verb" or within.split(".")[0] in ("cli", "__main__")


@pytest.mark.parametrize("member", members(), ids=lambda m: m.distribution)
def test_nothing_below_the_command_line_imports_it(member: Member) -> None:
    """A program that embeds a part has no terminal that the part may print to."""
    packages = {other.package for other in members()}
    found = [
        (module, line, name)
        for path in modules(member)
        for module in [module_name(member, path)]
        for line, name in imports(path)
        if not of_the_command_line(module)
        if name.split(".")[0] in packages and of_the_command_line(name)
    ]

    assert found == []


def test_a_folder_of_the_repository_is_never_imported() -> None:
    folders = {"engine", "sandbox", "plugins", "marketplace"}
    found = [
        (path.relative_to(ROOT), line, name)
        for member in members()
        for path in modules(member)
        for line, name in imports(path)
        if name.split(".")[0] in folders
    ]

    assert found == []


def test_nothing_imports_pickle() -> None:
    banned = {"pickle", "marshal", "shelve", "cloudpickle", "dill"}
    found = [
        (path.relative_to(ROOT), line)
        for member in members()
        for path in modules(member)
        for line, name in imports(path)
        if name.split(".")[0] in banned
    ]

    assert found == []
