"""A user's folders, plugins to install into them, and the command line that does."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from lockgate import Host
from lockgate.cli import main
from lockgate.config import load_config
from lockgate.manifest import parse_manifest
from lockgate.values import Tree
from tests.support.dists import manifest_text
from tests.support.home import fresh_settings
from tests.support.indexes import LoopbackIndex, Published
from tests.support.wheels import forge_file

__all__ = ["CODE", "Home", "beside", "fresh_home", "offered", "show_manifest"]

CODE = '''
"""A plugin of a test."""
from lockgate.plugin import Document, Transformation, Tree, hookimpl


@hookimpl
def transform(tree: Tree, options: Document) -> Transformation:
    """Say which version this is."""
    return Transformation(Tree.of({{"version.txt": "{version}"}}))
'''


class Home:
    """A user's folders, and the command line that uses them."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self.data = root / "DATA" / "lockgate"
        self._capsys = capsys

    def moved(self, root: Path) -> Home:
        """Another user's folders, below `root`, by the same command line."""
        root.mkdir()
        return Home(root, self._capsys)

    def wheel(
        self,
        version: str = "1.0",
        *,
        extra: str = "",
        tier: str = "read-only",
        **how: Any,
    ) -> str:
        text = manifest_text("acme", tier=f'"{tier}"', extra=extra)
        first, code = how.pop("first", ""), how.pop("code", "")
        files = {"acme/__init__.py": f"{CODE.format(version=version)}{first}"}
        if code:
            files["acme/more.py"] = code
        made = forge_file(self.root, "acme", version, manifest=text, files=files, **how)
        return str(made)

    def run(self, *words: str) -> tuple[int, str, str]:
        status = main(list(words))
        told = self._capsys.readouterr()
        return status, told.out, told.err

    def json(self, *words: str) -> Any:
        status, out, err = self.run(*words, "--json")
        assert out, err
        return {"status": status, **json.loads(out)}

    def indexes(self, default: str = "", **indexes: LoopbackIndex | str) -> None:
        """Write the settings: by name, an index or the whole table of one.

        An index has no cooldown then: what a test adds after a first look has come just
        now, whatever its upload time says.
        """
        lines = ["[plugins.marketplace]"]
        if default:
            lines.append(f'default = "{default}"')
        for name, index in indexes.items():
            lines.append(f"[plugins.marketplace.indexes.{name}]")
            if isinstance(index, LoopbackIndex):
                index = f'url = "{index.url}"\ncooldown-days = 0'
            lines.append(index)
        place = self.root / "CONFIG" / "lockgate" / "config.toml"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("\n".join([*lines, ""]))

    def files(self) -> set[str]:
        """Every wheel and generation in the store."""
        store = self.data / "store"
        found = [*store.glob("wheels/*"), *store.glob("generations/*")]
        return {str(path.relative_to(store)) for path in found}

    def answer(self) -> str:
        with Host.open(load_config()) as host:
            found = host.call("transform", plugin="acme", tree=Tree(), options={})
            return found.first.tree["version.txt"].text


def fresh_home(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Home:
    """A home below `root` that nothing was installed in yet; this process uses it."""
    fresh_settings(root, monkeypatch)
    # Half a second each; what it finds is `test_load`'s.
    monkeypatch.setenv("LOCKGATE_PLUGINS__MARKETPLACE__CHECKS__LOAD", "off")
    root.chmod(0o755)
    return Home(root, capsys)


def offered(
    index: LoopbackIndex,
    name: str = "acme",
    version: str = "1.0",
    *,
    extra: str = "",
    tier: str = "read-only",
    code: str = "",
    **how: Any,
) -> Published:
    """Publish a plugin that answers `transform` with its version."""
    package = name.replace("-", "_")
    text = manifest_text(name, package=package, tier=f'"{tier}"', extra=extra)
    files = {f"{package}/__init__.py": CODE.format(version=version)}
    if code:
        files[f"{package}/more.py"] = code
    return index.add(name, version, manifest=text, files=files, plugin=name, **how)


def beside(
    index: LoopbackIndex, published: Published, what: str, suffix: str, content: bytes
) -> None:
    """Serve a file beside a wheel and name it on the page, as our own indexes do."""
    path = f"/files/{published.filename}{suffix}"
    index.served[path] = content
    if what == "provenance":
        published.row["provenance"] = f"../..{path}"
        return
    row = {"url": f"../..{path}", "sha256": sha256(content).hexdigest()}
    published.row.setdefault("_lockgate", {})[what] = row


def show_manifest(index: LoopbackIndex, published: Published, text: str) -> None:
    """Show a manifest beside a wheel: the wheel's own, or a lie."""
    name = published.filename.partition("-")[0]
    data = parse_manifest(text.encode(), file="lockgate.toml", distribution=name)
    raw = json.dumps({"schema": 1, "manifest": data.to_data(short=True)}).encode()
    beside(index, published, "manifest", ".lockgate.json", raw)
