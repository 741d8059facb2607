"""A store of the engine's own form, without the marketplace that fills it.

`Kept` makes wheel folders as an unpacked wheel leaves them and commits generations
that name them: discovery, listing and uninstalling are tested on the real form.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from lockgate.installed import Generation, Installed, StoreFolder, Wheel
from tests.support.dists import SitePackages

__all__ = ["Kept"]


class Kept:
    """A store below the data folder `data`."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.store = StoreFolder(str(data))
        self.root = Path(self.store.root)

    def wheel(
        self,
        name: str,
        version: str = "1.0",
        *,
        plugin: str | None = None,
        manifest: str | None = None,
        files: Mapping[str, str] | None = None,
        programs: Mapping[str, str] | None = None,
    ) -> Wheel:
        """Unpack a wheel: a plugin's, or with ``plugin=""`` a library's."""
        given = repr((name, version, plugin, manifest, files, programs))
        sha256 = hashlib.sha256(given.encode()).hexdigest()
        folder = self.root / "wheels" / sha256
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            site = SitePackages(folder / "site")
            if plugin == "":
                site.plain(name, version=version)
            else:
                site.wheel(
                    name,
                    plugin=plugin or "",
                    version=version,
                    manifest=manifest,
                    files=files,
                )
            self._programs(site, name, version, programs or {})
        return Wheel(sha256, name, version)

    def _programs(
        self, site: SitePackages, name: str, version: str, programs: Mapping[str, str]
    ) -> None:
        stem = f"{name.replace('-', '_')}-{version}"
        record = site.folder / f"{stem}.dist-info" / "RECORD"
        for file, text in programs.items():
            place = site.folder.parent / "bin" / file
            place.parent.mkdir(exist_ok=True)
            place.write_text(text)
            place.chmod(0o555)
            with record.open("a") as lines:
                lines.write(f"../bin/{file},sha256=x,1\n")

    def entry(self, *wheels: Wheel, plugins: Sequence[str] | None = None) -> Installed:
        """The distribution of the first wheel, with all of them as environment."""
        first = wheels[0]
        names = (first.name,) if plugins is None else tuple(plugins)
        return Installed(first.name, first.version, names, wheels)

    def commit(self, *entries: Installed, reason: str = "test") -> Generation:
        """Put a generation in force that has these entries besides what is there."""
        with self.store.locked():
            return self.store.commit(self.store.read().having(*entries), reason)

    def install(self, name: str, version: str = "1.0", **how: object) -> Generation:
        """Install a plugin that needs nothing."""
        return self.commit(self.entry(self.wheel(name, version, **how)))  # type: ignore[arg-type]
