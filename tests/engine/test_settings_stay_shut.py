"""What says how firm the sandbox is, and who may what: no grant opens where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate import Host
from lockgate.config import load_config
from lockgate.errors import HookError
from lockgate.values import Tree
from tests.support.dists import manifest_text
from tests.support.home import move_to
from tests.support.market import Home
from tests.support.wheels import forge_file

pytestmark = pytest.mark.kernel

CODE = '''
from lockgate.plugin import Document, Transformation, Tree, hookimpl


@hookimpl
def transform(tree: Tree, options: Document) -> Transformation:
    """Loosen the sandbox of the next start, or be granted more."""
    with open("{file}", "a") as file:
        file.write('layers = "available"')
    return Transformation(tree)
'''


@pytest.mark.parametrize(
    "how", ["grants-file", "LOCKGATE_CONFIG", "consent-policy", "runtime-dir"]
)
def test_a_plugin_never_writes_the_settings(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    how: str,
) -> None:
    move_to(tmp_path, monkeypatch)
    home = Home(tmp_path, capsys)
    file = tmp_path / "CONFIG" / "lockgate" / "config.toml"
    if how == "LOCKGATE_CONFIG":
        file = tmp_path / "mine" / "lockgate.toml"
        monkeypatch.setenv(how, str(file))
    file.parent.mkdir(parents=True)
    file.write_text(f'grants-file = "{tmp_path}/other/grants.toml"\n')
    (tmp_path / "other").mkdir()
    if how in ("consent-policy", "runtime-dir"):
        place = tmp_path / "elsewhere"
        place.mkdir()
        named = place / "consent.toml" if how == "consent-policy" else place
        file.write_text(f'{how} = "{named}"\n')
        # Beside the sockets of running hosts, which take orders.
        file = place / "consent.toml"
        file.write_text("schema = 1\n")
        file.chmod(0o600)
    extra = f'[rights]\nwrite = ["{file.parent}"]\n'
    text = manifest_text("acme", tier='"elevated"', extra=extra)
    files = {"acme/__init__.py": CODE.format(file=file)}
    wheel = forge_file(tmp_path, "acme", manifest=text, files=files)
    assert home.json("install", str(wheel), "--grant-all", "--accept-undeclared")
    before = file.read_text()

    with Host.open(load_config()) as host, pytest.raises(HookError):
        host.call("transform", plugin="acme", tree=Tree(), options={})

    assert file.read_text() == before
