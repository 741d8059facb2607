"""Plugins that a test writes: installed-looking distributions in a temp folder."""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from types import MappingProxyType

import pytest

from lockgate import _host
from lockgate.config import Config
from lockgate.discovery import PluginState, discover
from lockgate.host import AuditRecord, Host, Lifecycle, LogLine, Progress
from lockgate.shipped import FirstParty, ShippedPolicy

__all__ = ["Site", "importable", "manifest_of", "trusted_in_host"]


@contextmanager
def importable(folder: Path) -> Generator[None]:
    """Have this process import from `folder`, and forget afterwards what it did."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            place = getattr(sys.modules[name], "__file__", None) or ""
            if Path(place).is_relative_to(folder):
                del sys.modules[name]


@contextmanager
def trusted_in_host(folder: Path, names: Iterable[str]) -> Generator[None]:
    """Have the plugins `names` of `folder` be of the trusted base, in this process."""
    parties = {
        name: FirstParty(name, f"test-{name}", ("tier:system",), in_host=True)
        for name in names
    }
    policy = ShippedPolicy(MappingProxyType(parties))
    with pytest.MonkeyPatch.context() as patch, importable(folder):
        patch.setattr(_host, "shipped_policy", lambda: policy)
        yield


def manifest_of(
    name: str,
    *,
    kinds: str = "transformer",
    tier: str = "read-only",
    hooks: Mapping[str, str] | None = None,
    more: str = "",
) -> str:
    """A manifest's text; `more` is appended."""
    package = f"{name.replace('-', '_')}_plugin"
    named = hooks if hooks is not None else {"transform": "transform"}
    lines = [f'{hook} = "{package}.impl:{target}"' for hook, target in named.items()]
    return "\n".join(
        [
            "schema = 1",
            f'name = "{name}"',
            'summary = "A plugin of a test."',
            f'kinds = ["{kinds}"]',
            'hook-api = ">=1,<2"',
            f'tier = "{tier}"',
            "[hooks]",
            *lines,
            dedent(more),
        ]
    )


@dataclass
class Site:
    """A folder that looks like site-packages, and the state of one owner."""

    root: Path
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        # What a worker is to read must be reachable for a user without rights.
        self.folder = self.root / "site"
        self.folder.mkdir(parents=True)

    @property
    def config(self) -> Config:
        """Settings that keep everything below this test's folder."""
        home = self.root / "home"
        return Config(
            grants_file=str(home / "grants" / "grants.toml"),
            cache_dir=str(home / "cache"),
            data_dir=str(home / "data"),
            state_dir=str(home / "state"),
        )

    def add(
        self,
        name: str,
        source: str,
        *,
        manifest: str | None = None,
        distribution: str = "",
        version: str = "1.0",
        entry_points: str = "",
        files: Mapping[str, str] | None = None,
    ) -> Path:
        """Install a plugin whose module ``impl`` holds `source`; return its package.

        With `entry_points` (the file's text) it has no manifest.
        """
        package = f"{name.replace('-', '_')}_plugin"
        dist = distribution or f"test-{name}"
        written = {
            f"{package}/__init__.py": "",
            f"{package}/impl.py": dedent(source),
            **{f"{package}/{path}": text for path, text in (files or {}).items()},
        }
        if not entry_points:
            written[f"{package}/lockgate.toml"] = manifest or manifest_of(name)
            entry_points = f"[lockgate.manifest]\n{name} = {package}:lockgate.toml\n"
        info = f"{dist.replace('-', '_')}-{version}.dist-info"
        written[f"{info}/METADATA"] = (
            f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n"
        )
        written[f"{info}/entry_points.txt"] = entry_points
        record = [_row(path, text) for path, text in written.items()]
        written[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
        for path, text in written.items():
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, "utf-8")
        return self.folder / package

    def open(
        self,
        *,
        config: Config | None = None,
        safe: bool = False,
        on_progress: Callable[[Progress], object] | None = None,
        on_log: Callable[[LogLine], None] | None = None,
        on_audit: Callable[[AuditRecord], None] | None = None,
        on_state: Callable[[Lifecycle], None] | None = None,
    ) -> Host:
        """A host that sees this folder's plugins and no others."""

        def progress(event: Progress) -> None:
            if on_progress is not None:
                on_progress(event)

        return Host.open(
            config or self.config,
            safe=safe,
            search_path=[self.folder],
            on_progress=progress,
            on_log=on_log,
            on_audit=on_audit,
            on_state=on_state,
        )

    def state(self, name: str) -> PluginState:
        """The plugin's state, found anew."""
        found = discover([str(self.folder)]).get(name)
        assert found is not None
        return found


def _row(path: str, text: str) -> str:
    raw = text.encode()
    digest = base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).rstrip(b"=")
    return f"{path},sha256={digest.decode()},{len(raw)}"
