"""Writing a tree: whole or absent, and never over what is not lockgate's."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from lockgate.cli._trees import MARKER, check_target, tree_of, write_tree
from lockgate.errors import OutputError
from lockgate.values import File, Tree

TREE = Tree.of({"a.txt": "a", "sub/b.txt": "b"})


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MARKER
    }


def test_a_tree_becomes_a_folder(tmp_path: Path) -> None:
    write_tree(TREE, tmp_path / "deep" / "out")

    assert content(tmp_path / "deep/out") == {"a.txt": "a", "sub/b.txt": "b"}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_an_executable_file_is_executable(tmp_path: Path) -> None:
    write_tree(
        Tree((File("run", b"", executable=True), File("no", b""))), tmp_path / "o"
    )

    assert os.access(tmp_path / "o/run", os.X_OK)
    assert not (tmp_path / "o/no").stat().st_mode & 0o111


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    write_tree(TREE, tmp_path / "out")

    assert content(tmp_path / "out")["a.txt"] == "a"


def test_a_crash_while_writing_leaves_the_old_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    write_tree(TREE, out)
    written: list[int] = []

    def full(handle: int) -> None:
        written.append(handle)
        if len(written) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        write_tree(Tree.of({"new.txt": "n", "other.txt": "o"}), out)

    assert content(out) == {"a.txt": "a", "sub/b.txt": "b"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_working_folder_is_filled_and_not_swapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    inode = tmp_path.stat().st_ino

    write_tree(TREE, Path())

    assert tmp_path.stat().st_ino == inode
    assert content(tmp_path) == {"a.txt": "a", "sub/b.txt": "b"}


def test_a_forced_write_follows_no_symlink_out_of_the_folder(tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    (out / "sub").symlink_to(elsewhere)

    with pytest.raises(OutputError, match="through a symlink"):
        write_tree(TREE, out, force=True)

    assert list(elsewhere.iterdir()) == []


def test_a_forced_write_replaces_a_symlink_and_not_its_target(tmp_path: Path) -> None:
    out, secret = tmp_path / "out", tmp_path / "secret"
    out.mkdir()
    secret.write_text("secret")
    (out / "a.txt").symlink_to(secret)

    write_tree(TREE, out, force=True)

    assert secret.read_text() == "secret"
    assert (out / "a.txt").read_text() == "a"


@pytest.mark.parametrize("value", [None, 1, {}, {"files": 3}, {"files": [{"path": 1}]}])
def test_what_is_no_tree_is_none(value: object) -> None:
    assert tree_of(value) is None  # type: ignore[arg-type]


def test_a_path_out_of_the_tree_never_becomes_a_tree() -> None:
    with pytest.raises(ValueError, match="tree path"):
        tree_of({"files": [{"path": "../x", "content": b""}]})


@pytest.mark.parametrize("kind", ["file", "dangling"])
def test_a_target_that_is_no_folder_is_refused(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("x")
    else:
        out.symlink_to(tmp_path / "nowhere")

    with pytest.raises(OutputError):
        write_tree(TREE, out)


@pytest.mark.parametrize("path", [".git/hooks/post-checkout", "a/.GIT/config"])
@pytest.mark.parametrize("force", [False, True])
def test_nothing_is_written_that_git_would_run(
    tmp_path: Path, path: str, force: bool
) -> None:
    tree = Tree.of({path: "#!/bin/sh", "0.txt": "x"})

    with pytest.raises(OutputError) as caught:
        write_tree(tree, tmp_path / "out", force=force)

    assert path in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_no_file_of_a_checkout_keeps_who_looks_at_its_output(tmp_path: Path) -> None:
    """Its ``build`` may hold anything: a pipe, a link to what never ends, depth."""

    def refused(folder: Path) -> None:
        with pytest.raises(OutputError, match="did not write"):
            check_target(folder, force=False)

    out = tmp_path / "out"
    write_tree(TREE, out)
    check_target(out, force=False)
    marker, told = out / MARKER, (out / MARKER).read_text()
    for name, target in (("a.txt", "/dev/zero"), ("a.txt", str(tmp_path / "kept"))):
        (tmp_path / "kept").write_text("a")
        (out / name).unlink()
        (out / name).symlink_to(target)
        refused(out)
    (out / "a.txt").unlink()
    os.mkfifo(out / "a.txt")
    refused(out)
    (out / "a.txt").unlink()
    (out / "a.txt").write_text("a")
    check_target(out, force=False)

    marker.write_text('{"files": ' + "[" * 100_000)
    refused(out)
    marker.unlink()
    os.mkfifo(marker)
    refused(out)
    # Whoever opens it as any file waits until somebody writes.
    waiting = threading.Thread(target=marker.read_bytes, daemon=True)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    marker.write_text(told)
    waiting.join(10)
    assert not waiting.is_alive()
