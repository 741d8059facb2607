"""The forge's honest wheels are what the world's readers take for wheels."""

from __future__ import annotations

import importlib.metadata
import io
import zipfile
from pathlib import Path

from lockgate.host import Host
from lockgate.plugin import Tree
from tests.support.host_plugins import Site
from tests.support.wheels import Draft, forge, forge_file
from tests.support.zips import End, Entry, zip64_sizes, zip_bytes


def test_zipfile_reads_what_the_forge_writes(tmp_path: Path) -> None:
    raw = forge("a-b", files={"a_b/x.py": "x = 1\n" * 50, "a_b/ü.txt": "ü"})

    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert archive.testzip() is None
        assert archive.read("a_b/x.py") == b"x = 1\n" * 50
        assert archive.read("a_b/ü.txt") == "ü".encode()


def test_zip64_archives_are_read_too() -> None:
    entry = Entry("x", b"abc", local={"size": 0xFFFFFFFF, "packed_size": 0xFFFFFFFF})
    entry.local_extra = zip64_sizes(3, 3)

    with zipfile.ZipFile(io.BytesIO(zip_bytes([entry], End(zip64=True)))) as archive:
        assert archive.read("x") == b"abc"


def test_importlib_sees_a_distribution_with_every_recorded_file(tmp_path: Path) -> None:
    path = forge_file(
        tmp_path, "x-y", "2.0", requires=["six>=1"], scripts={"run": "#!/bin/sh\n"}
    )
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "out")

    (found,) = importlib.metadata.distributions(path=[str(tmp_path / "out")])

    assert (found.name, found.version, found.requires) == ("x-y", "2.0", ["six>=1"])
    for file in found.files or ():
        assert (tmp_path / "out" / str(file)).is_file()


def test_a_forged_plugin_answers_a_real_call(tmp_path: Path) -> None:
    site = Site(tmp_path)
    path = forge_file(tmp_path, "lockgate-echo", manifest=True)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(site.folder)

    tree = Tree.of({"a.txt": "a"})
    with Host.open(site.config, search_path=[str(site.folder)]) as host:
        answers = host.call("transform", plugin="echo", tree=tree, options={})

    assert answers.first.tree == tree


def test_a_draft_is_changed_entry_by_entry() -> None:
    draft = Draft("evil")
    draft.add("../outside", "x")
    draft.seal().drop("WHEEL")

    with zipfile.ZipFile(io.BytesIO(draft.pack())) as archive:
        assert archive.namelist() == [
            "evil-1.0.dist-info/METADATA",
            "../outside",
            "evil-1.0.dist-info/RECORD",
        ]
