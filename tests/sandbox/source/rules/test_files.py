"""Files: reading, writing, and what hides in a path."""

from __future__ import annotations

import pytest

from tests.support.source import only, rules_in


@pytest.mark.parametrize(
    "source",
    [
        "open('a', 'w')",
        "open('a', mode='ab')",
        "open('a', 'r+')",
        "open('a', 'r' + '+')",
        "open('a', mode)",
        "import io\nio.open('a', 'x')",
        "import codecs\ncodecs.open('a', 'w')",
        "o = open\no('a', 'w')",
        "import os\nos.open('a', os.O_WRONLY | os.O_CREAT)",
        "import os\nos.open('a', flags)",
        "import os\nos.remove('a')",
        "from os import rename as r\nr('a', 'b')",
        "import shutil\nshutil.rmtree('a')",
        "import pathlib\npathlib.Path('a').write_text('b')",
        "path.write_bytes(b'')",
        "path.unlink()",
        "path.open('w')",
        "import tempfile\ntempfile.mkstemp()",
        "import zipfile\nzipfile.ZipFile('a', 'w')",
        "import sqlite3\nsqlite3.connect('a')",
    ],
)
def test_writing_is_found(source: str) -> None:
    assert "file-write" in rules_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "open('a')",
        "open('a', 'rb')",
        "open('a', encoding='utf-8')",
        "import os\nos.open('a', os.O_RDONLY)",
        "path.read_text()",
        "import os\nos.listdir('.')",
        "import os\nfor x in os.walk('.'): ...",
        "import gzip\ngzip.open('a')",
    ],
)
def test_reading_is_a_note(source: str) -> None:
    assert rules_in(source) == {"file-read"}


@pytest.mark.parametrize(
    "source",
    [
        "def open(x, mode): ...\nopen('a', 'w')",
        "webbrowser_like.open('http')",
        "text.replace('a', 'b')",
        "import os\nos.path.exists('a')",
        "import io\nio.BytesIO(b'')",
        "stack.pop()",
    ],
)
def test_what_touches_no_file_is_not(source: str) -> None:
    assert not rules_in(source) & {"file-read", "file-write"}


@pytest.mark.parametrize("name", ["chmod", "chown", "utime", "symlink", "setxattr"])
def test_changing_metadata_is_found(name: str) -> None:
    assert "file-metadata" in rules_in(f"import os\nos.{name}('a', 1)")


@pytest.mark.parametrize(
    "path",
    ["~/.ssh/id_rsa", "/etc/shadow", "/proc/self/environ", "/proc/1/mem",
     "/home/a/.aws/credentials", "/var/run/docker.sock", "~/.netrc"],
)  # fmt: skip
def test_the_path_of_a_secret_is_found(path: str) -> None:
    assert "secret-path" in rules_in(f"P = {path!r}")


@pytest.mark.parametrize("path", ["/etc/hosts", "a/b.ssh.txt", "/proc/cpuinfo", "x_id"])
def test_a_plain_path_is_not(path: str) -> None:
    assert "secret-path" not in rules_in(f"P = {path!r}")


def test_the_path_is_named_where_a_literal_says_it() -> None:
    assert only("open('/etc/hosts')", "file-read").subject == "/etc/hosts"
    assert only("open('a' 'b', 'w')", "file-write").subject == "ab"
    source = "from pathlib import Path\nPath('/data/x').write_text('')"
    assert only(source, "file-write").subject == "/data/x"
