"""``python -m tests.marketplace.smoke NAME…``: our client and the real index.

Resolves, downloads and judges with the index that pip is configured for on this
machine. Then a plugin of ours that needs all NAMEs, from an index on loopback, is
installed by its name into a passing home, the real wheels with it, and called. Not a
test: it needs the network.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from lockgate_marketplace.errors import FetchError, MarketplaceError
from lockgate_marketplace.fetch import Fetcher
from lockgate_marketplace.memory import LocalMemory
from lockgate_marketplace.resolve import IndexClient, Policy, Resolution, Want, resolve
from lockgate_marketplace.sources import Index, Sources
from lockgate_marketplace.wheel import open_wheel
from tests.support.dists import manifest_text
from tests.support.indexes import loopback_index


def index_url() -> str:
    """What pip would use."""
    command = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0 and done.stdout.strip():
        return done.stdout.strip()
    code = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def chosen(
    names: list[str], index: Index, fetcher: Fetcher, folder: Path
) -> tuple[Resolution, IndexClient]:
    """Resolve; a host that the index's files lie on is allowed, and said."""
    while True:
        client = IndexClient(
            Sources({index.name: index}), fetcher, LocalMemory(folder / "seen")
        )
        try:
            found = resolve(map(Want.parse, names), client, Policy.running())
        except FetchError as error:
            if error.code != "fetch-host":
                raise
            host = str(error.fields["host"])
            print(f"files lie on {host}: allowed for this run")
            index = replace(index, files=index.files | {host})
            continue
        return found, client


def main(names: list[str]) -> int:
    """Resolve twice, download, judge."""
    with (
        tempfile.TemporaryDirectory() as place,
        Fetcher(Path(place, "cache")) as fetcher,
    ):
        folder = Path(place)
        url = index_url()
        index = Index("main", url if url.endswith("/") else f"{url}/")
        began = time.monotonic()
        found, client = chosen(names, index, fetcher, folder)
        print(f"resolved in {time.monotonic() - began:.1f} s")
        index = client.sources.named("main")
        wanted = [
            client.wanted(index, one.file, folder / one.file.filename)
            for one in found.pinned
        ]
        for one, got in zip(found.pinned, fetcher.download_all(wanted), strict=True):
            try:
                one.check(open_wheel(got.path, expect=one.file.wheel))
                verdict = "sound, as resolved"
            except MarketplaceError as error:
                verdict = str(error)
            print(f"{one.name} {one.version} ({got.size:,} bytes): {verdict}")
        for name in names:
            lines = found.why(Want.parse(name).requirement.name).text().splitlines()
            print("\n".join(lines[:6]))
        began = time.monotonic()
        chosen(names, index, fetcher, folder)
        print(f"again, from the cache, in {time.monotonic() - began:.1f} s")
        return installed(names, index, folder)


CODE = '''
"""A plugin that says what came along."""
from importlib.metadata import distributions

from lockgate.plugin import Document, Transformation, Tree, hookimpl


@hookimpl
def transform(tree: Tree, options: Document) -> Transformation:
    """Tell name and version of each distribution."""
    found = sorted(f"{one.name} {one.version}" for one in distributions())
    return Transformation(Tree.of({"came.txt": ", ".join(found)}))
'''


def installed(names: list[str], real: Index, folder: Path) -> int:
    """Install a plugin that needs `names`, by its own name, as a user would."""
    home = folder / "home"
    home.mkdir()
    with loopback_index() as own:
        text = manifest_text("probe")
        files = {"probe/__init__.py": CODE}
        own.add("probe", manifest=text, files=files, requires=names)
        settings = home / "config" / "lockgate" / "config.toml"
        settings.parent.mkdir(parents=True)
        settings.write_text(
            f"""[plugins.marketplace.indexes.own]
url = "{own.url}"
prefixes = ["probe"]
dependencies = "real"
[plugins.marketplace.indexes.real]
url = "{real.url}"
files = {sorted(real.files)}
"""
        )
        environment = {**os.environ, "HOME": str(home)}
        for kind in ("CONFIG", "CACHE", "STATE", "DATA"):
            environment[f"XDG_{kind}_HOME"] = str(home / kind.lower())
        lockgate = [sys.executable, "-m", "lockgate"]
        call = ["call", "transform", "tree={}", "options={}", "--plugin", "probe"]
        began = time.monotonic()
        for words in (["install", "probe"], ["trust"], call):
            done = subprocess.run([*lockgate, *words], env=environment, check=False)
            if done.returncode:
                return done.returncode
        print(f"installed and called in {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:] or ["httpx", "rich"]))
    except MarketplaceError as error:
        sys.exit(f"error[{error.code}]: {error}\n  hint: {error.hint}")
