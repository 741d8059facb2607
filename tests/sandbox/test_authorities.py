"""Where the certificates lie that a worker may read: a file, or else a folder."""

from __future__ import annotations

import os
from pathlib import Path

from lockgate_sandbox._seal.authorities import authorities, leading_to


def test_the_file_is_enough(tmp_path: Path) -> None:
    (tmp_path / "bundle.crt").touch()
    (tmp_path / "cert.pem").symlink_to("bundle.crt")

    found = leading_to(str(tmp_path / "cert.pem"), str(tmp_path))

    assert found == (os.path.realpath(tmp_path / "bundle.crt"),)


def test_without_it_each_is_allowed_where_its_link_leads(tmp_path: Path) -> None:
    shared, folder = tmp_path / "shared", tmp_path / "certs"
    shared.mkdir()
    folder.mkdir()
    (shared / "one.crt").touch()
    (shared / "private.key").touch()
    (folder / "one.pem").symlink_to(shared / "one.crt")
    (folder / "5ed36f99.0").symlink_to("one.pem")
    (folder / "gone.pem").symlink_to(shared / "gone.crt")
    (folder / "all").symlink_to(shared)  # a folder: nothing that OpenSSL reads

    found = leading_to(str(tmp_path / "none.pem"), str(folder))

    expected = os.path.realpath(folder), os.path.realpath(shared / "one.crt")
    assert found == expected


def test_a_machine_without_any_is_none(tmp_path: Path) -> None:
    assert leading_to(str(tmp_path / "none"), str(tmp_path / "nowhere")) == ()


def test_those_of_this_machine_are_without_links() -> None:
    assert all(os.path.realpath(path) == path for path in authorities())
