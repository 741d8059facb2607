"""What one index says, or a wheel packs, decides nothing about what is another's."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import zipfile

import pytest

from tests.support.indexes import loopback_index
from tests.support.market import Home, offered
from tests.support.wheels import forge

pytestmark = pytest.mark.kernel

RIGHTS = '[rights]\nenv = ["LANG"]\n'
USES = 'import os\nos.environ["LANG"]\n'


@pytest.mark.parametrize("first", ["file", "index"])
def test_what_came_along_with_a_plugin_of_another_index_steers_no_upgrade(
    home: Home, first: str
) -> None:
    with loopback_index() as evil, loopback_index() as good:
        home.indexes(default="good", good=good, evil=evil)
        if first == "file":
            path = home.wheel("1.0", tier="elevated", extra=RIGHTS, code=USES)
            home.json("install", path, "--grant-all")
        else:
            offered(good, "acme", "1.0", tier="elevated", extra=RIGHTS, code=USES)
            home.json("install", "good/acme", "--grant-all")
        # Its owner also uses a harmless plugin, whose library has the same name there.
        evil.add("acme", "0.1", files={"acme_lib/__init__.py": ""})
        offered(evil, "other", "1.0", requires=("acme",))
        assert home.json("install", "evil/other")["status"] == 0
        offered(evil, "acme", "6.6", tier="elevated", extra=RIGHTS, code=USES)

        home.json("upgrade", "acme")
        named = home.json("install", "evil/acme")

    assert named["error"]["code"] == "consent-needed"
    found = {one["name"]: one["version"] for one in home.json("list")["plugins"]}
    assert found["acme"] == "1.0"


def test_an_index_gives_no_metadata_to_the_files_of_another(home: Home) -> None:
    with loopback_index() as evil, loopback_index() as good:
        home.indexes(default="good", good=good, evil=evil)
        evil.sidecars = good.sidecars = False
        offered(good, version="1.0")
        newest = offered(good, version="1.1")
        # It lists the very file, by the true hash, and lies about what is inside.
        lie = forge("acme", "1.1", manifest=True, plugin="acme", requires_python="<3")
        page = evil.publish("acme", "1.1", newest.filename, lie)
        page.row["hashes"] = {"sha256": newest.sha256}
        page.row["size"] = len(newest.content)
        shutil.rmtree(home.data / "cache", ignore_errors=True)
        home.json("install", "evil/acme", "--dry-run", "--no-cooldown")

        found = home.json("install", "good/acme", "--dry-run", "--no-cooldown")

    assert found["version"] == "1.1"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_metadata_that_unpacks_without_end_takes_no_memory(
    home: Home, method: int
) -> None:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", method) as archive,
        archive.open("acme-1.0.dist-info/METADATA", "w", force_zip64=True) as member,
    ):
        member.write(b"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n\n")
        for _ in range(16):
            member.write(bytes(1 << 24))
    code = (
        "from lockgate.cli import main\n"
        "status = main(['install', 'acme', '--dry-run', '--no-cooldown'])\n"
        "told = open('/proc/self/status').read()\n"
        "print(status, int(told.split('VmHWM:')[1].split()[0]) // 1024)"
    )
    with loopback_index() as index:
        home.indexes(main=index)
        index.sidecars = False
        index.publish("acme", "1.0", "acme-1.0-py3-none-any.whl", packed.getvalue())
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )

    status, peak = done.stdout.split()
    assert status == "3"
    assert int(peak) < 200, "it holds 256 MiB, and zipfile would have read them"


@pytest.mark.parametrize(
    "need",
    [
        'a; extra == "x" and python_full_version ~= "3"',
        'lockgate; python_version ~= "x"',
    ],
)
def test_a_marker_that_means_nothing_is_refused(home: Home, need: str) -> None:
    path = home.wheel("1.0", requires=(need,))

    refused = home.json("install", path, "--dry-run")

    assert refused["error"]["code"] == "contract-needs"
    assert "marker" in refused["error"]["message"]
