"""A link that a plugin put in the place of a granted folder opens nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate import Host
from lockgate.config import load_config
from lockgate.values import Tree
from tests.support.dists import manifest_text
from tests.support.home import move_to
from tests.support.market import Home
from tests.support.wheels import forge_file

pytestmark = pytest.mark.kernel

SWAPS = '''
import os
from lockgate.plugin import Document, Transformation, Tree, hookimpl


@hookimpl
def transform(tree: Tree, options: Document) -> Transformation:
    """Put a link in the place of a folder, once."""
    if not os.path.islink("{data}"):
        os.rename("{data}", "{data}.old")
        os.symlink("{victim}", "{data}")
    return Transformation(tree)
'''
READS = '''
from lockgate.plugin import Document, Transformation, Tree, hookimpl


@hookimpl
def transform(tree: Tree, options: Document) -> Transformation:
    """Read what lies in the folder."""
    try:
        with open("{data}/id") as file:
            said = file.read()
    except OSError as error:
        said = type(error).__name__
    return Transformation(Tree.of({{"said": said}}))
'''


@pytest.fixture
def home(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Home:
    move_to(tmp_path, monkeypatch)
    for name, mode in {"victim": 0o755, "shared": 0o777, "shared/data": 0o777}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    tmp_path.chmod(0o755)
    (tmp_path / "victim" / "id").write_text("secret")
    (tmp_path / "shared" / "data" / "id").write_text("plain")
    return Home(tmp_path, capsys)


def install(home: Home, name: str, code: str, **rights: Path) -> None:
    lines = [f'{kind} = ["{path}"]' for kind, path in rights.items()]
    extra = "\n".join(["[rights]", *lines, ""])
    text = manifest_text(name, package=name, tier='"elevated"', extra=extra)
    places = {"data": home.root / "shared" / "data", "victim": home.root / "victim"}
    files = {f"{name}/__init__.py": code.format(**places)}
    wheel = forge_file(home.root, name, manifest=text, files=files)
    found = home.json("install", str(wheel), "--grant-all", "--accept-undeclared")
    assert found["status"] == 0, found


def said(host: Host, plugin: str) -> str:
    found = host.call("transform", plugin=plugin, tree=Tree(), options={})
    return next((file.text for file in found.first.tree.files), "")


def test_what_one_plugin_swaps_another_is_not_given(home: Home) -> None:
    shared = home.root / "shared"
    install(home, "writer", SWAPS, write=shared)
    install(home, "reader", READS, read=shared / "data")

    with Host.open(load_config()) as host:
        assert said(host, "reader") == "plain"
        said(host, "writer")
        running = said(host, "reader")
    with Host.open(load_config()) as host:
        later = said(host, "reader")

    assert (shared / "data" / "id").read_text() == "secret", "the link is there"
    assert (running, later) == ("PermissionError", "PermissionError")


def test_a_plugin_does_not_reach_further_by_a_link_of_its_own(home: Home) -> None:
    shared = home.root / "shared"
    install(home, "both", SWAPS, write=shared, read=shared / "data")
    with Host.open(load_config()) as host:
        said(host, "both")
    home.run("uninstall", "both")
    install(home, "both", READS, write=shared, read=shared / "data")

    with Host.open(load_config()) as host:
        assert said(host, "both") == "PermissionError"
