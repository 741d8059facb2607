"""The file that says how firm the sandbox is: no grant opens the folder it is in."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate import Host
from lockgate.config import load_config
from lockgate.errors import HookError
from lockgate.values import Tree
from tests.support.dists import manifest_text
from tests.support.market import Home
from tests.support.wheels import forge_file

pytestmark = pytest.mark.kernel

CODE = '''
from lockgate.plugin import Document, Transformation, Tree, hookimpl


@hookimpl
def transform(tree: Tree, options: Document) -> Transformation:
    """Loosen the sandbox of the next start."""
    with open("{file}", "a") as file:
        file.write('layers = "available"')
    return Transformation(tree)
'''


@pytest.mark.parametrize("how", ["grants-file", "LOCKGATE_CONFIG"])
def test_a_plugin_never_writes_the_settings(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    how: str,
) -> None:
    for kind in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind))
    home = Home(tmp_path, capsys)
    file = tmp_path / "CONFIG" / "lockgate" / "config.toml"
    if how == "LOCKGATE_CONFIG":
        file = tmp_path / "mine" / "lockgate.toml"
        monkeypatch.setenv(how, str(file))
    file.parent.mkdir(parents=True)
    file.write_text(f'grants-file = "{tmp_path}/other/grants.toml"\n')
    (tmp_path / "other").mkdir()
    extra = f'[rights]\nwrite = ["{file.parent}"]\n'
    text = manifest_text("acme", tier='"elevated"', extra=extra)
    files = {"acme/__init__.py": CODE.format(file=file)}
    wheel = forge_file(tmp_path, "acme", manifest=text, files=files)
    assert home.json("install", str(wheel), "--grant-all", "--accept-undeclared")
    before = file.read_text()

    with Host.open(load_config()) as host, pytest.raises(HookError):
        host.call("transform", plugin="acme", tree=Tree(), options={})

    assert file.read_text() == before
