"""Installed-looking distributions: wheels, editables, broken and hostile ones.

`SitePackages` is a folder that a search path can name. What it makes has the
files that pip, uv, hatchling and setuptools leave behind, so discovery is tested
on the real shapes without installing anything.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Literal

__all__ = ["SitePackages", "manifest_text", "package_of"]

EditableStyle = Literal["pth", "finder", "direct-url", "egg-info"]


def package_of(name: str) -> str:
    """The top-level package of the distribution `name`."""
    return name.replace("-", "_").replace(".", "_").lower()


def manifest_text(name: str, *, package: str = "", extra: str = "", **keys: str) -> str:
    """A manifest that is right, with TOML values in `keys` replaced.

    A key set to ``""`` is left out; `extra` is appended.
    """
    package = package or package_of(name)
    top = {
        "schema": "1",
        "name": f'"{name}"',
        "summary": '"A plugin of a test."',
        "kinds": '["transformer"]',
        "hook_api": '">=1,<2"',
        "tier": '"read-only"',
        **keys,
    }
    lines = [f"{k.replace('_', '-')} = {v}" for k, v in top.items() if v]
    hooks = "" if "[hooks" in extra else f'[hooks]\ntransform = "{package}:transform"\n'
    return "\n".join(lines) + "\n" + hooks + dedent(extra)


def _links(style: EditableStyle, package: str, root: Path) -> dict[str, str]:
    """The files by which an editable of `style` leads to `package` below `root`."""
    if style == "pth":
        return {f"_editable_impl_{package}.pth": f"{root}\n"}
    if style == "finder":
        module = f"__editable___{package}_1_0_finder"
        mapping = {package: str(root / package)}
        return {
            f"__editable__.{package}-1.0.pth": f"import {module}; {module}.install()",
            f"{module}.py": "from __future__ import annotations\n"
            f"MAPPING: dict[str, str] = {mapping!r}\n"
            "raise SystemExit('a finder must not be executed')\n",
        }
    return {f"_{package}_hook.pth": "import sys"}


class SitePackages:
    """A folder of installed distributions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def path(self) -> str:
        """The folder, as a search path names it."""
        return str(self.folder)

    def wheel(
        self,
        name: str,
        *,
        plugin: str = "",
        version: str = "1.0",
        manifest: str | bytes | None = None,
        entry_points: str | bytes | None = None,
        files: Mapping[str, str] | None = None,
    ) -> Path:
        """Install a plugin as pip installs a wheel; gives its ``.dist-info``."""
        package, plugin = package_of(name), plugin or name
        text = manifest_text(plugin, package=package) if manifest is None else manifest
        points = (
            f"[lockgate.manifest]\n{plugin} = {package}:lockgate.toml\n"
            if entry_points is None
            else entry_points
        )
        content: dict[str, str | bytes] = {
            f"{package}/__init__.py": "",
            f"{package}/lockgate.toml": text,
            **(files or {}),
        }
        info = self._metadata(name, version, points)
        self._write(content)
        self.record(info, [*content, *self._own(info)])
        return info

    def plain(self, name: str, *, version: str = "1.0") -> Path:
        """Install a distribution that holds no plugin."""
        package = package_of(name)
        info = self._metadata(name, version, f"[console_scripts]\nx = {package}:main\n")
        self._write({f"{package}/__init__.py": ""})
        self.record(info, [f"{package}/__init__.py", *self._own(info)])
        return info

    def editable(
        self,
        name: str,
        source: Path,
        *,
        style: EditableStyle,
        manifest: str | None = None,
        version: str = "1.0",
    ) -> Path:
        """Install the source folder `source` as an editable of the given style."""
        package = package_of(name)
        root = source / "src"
        (root / package).mkdir(parents=True, exist_ok=True)
        (root / package / "__init__.py").write_text("")
        text = manifest_text(name) if manifest is None else manifest
        (root / package / "lockgate.toml").write_text(text)
        points = f"[lockgate.manifest]\n{name} = {package}:lockgate.toml\n"
        if style == "egg-info":
            # `setup.py develop`: the metadata lies in the source folder, which
            # easy-install.pth puts on the search path.
            info = root / f"{package}.egg-info"
            info.mkdir()
            (info / "PKG-INFO").write_text(f"Name: {name}\nVersion: {version}\n")
            (info / "entry_points.txt").write_text(points)
            return info
        info = self._metadata(name, version, points)
        links = _links(style, package, root)
        self._write(links)
        url = {"url": f"file://{source}", "dir_info": {"editable": True}}
        (info / "direct_url.json").write_text(json.dumps(url))
        self.record(info, [*links, *self._own(info)])
        return info

    def many(self, count: int, *, plugins: int) -> None:
        """Install `count` distributions, of which `plugins` are plugins."""
        for number in range(count):
            if number < plugins:
                self.wheel(f"plugin-{number:04d}")
            else:
                self.plain(f"library-{number:04d}")

    def record(self, info: Path, paths: list[str]) -> None:
        """Write RECORD for `paths`, which are relative to the folder."""
        lines: list[str] = []
        for path in paths:
            digest = hashlib.sha256((self.folder / path).read_bytes()).digest()
            encoded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            lines.append(f"{path},sha256={encoded},1")
        lines.append(f"{info.name}/RECORD,,")
        (info / "RECORD").write_text("\n".join(lines) + "\n")

    def _metadata(self, name: str, version: str, points: str | bytes) -> Path:
        info = self.folder / f"{package_of(name)}-{version}.dist-info"
        info.mkdir()
        header = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n"
        (info / "METADATA").write_text(header)
        (info / "WHEEL").write_text("Wheel-Version: 1.0\n")
        raw = points.encode() if isinstance(points, str) else points
        (info / "entry_points.txt").write_bytes(raw)
        return info

    def _own(self, info: Path) -> list[str]:
        return [f"{info.name}/{path.name}" for path in sorted(info.iterdir())]

    def _write(self, content: Mapping[str, str | bytes]) -> None:
        for path, body in content.items():
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(body.encode() if isinstance(body, str) else body)
