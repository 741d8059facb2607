"""Where a path leads, and by which links."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate_sandbox._spelling.written import Written
from lockgate_sandbox.places import resolved

_NAMES = st.sampled_from(["a", "b", "c"])
_PART = st.one_of(_NAMES, st.sampled_from([".", "..", ""]))
_PATHS = st.lists(_PART, min_size=1, max_size=6).map("/".join)


@settings(max_examples=150, deadline=None)
@given(
    links=st.dictionaries(
        st.lists(_NAMES, min_size=1, max_size=2).map("/".join),
        st.tuples(_PATHS, st.booleans()),
        max_size=5,
    ),
    path=_PATHS,
)
def test_it_leads_where_the_standard_library_says(
    links: dict[str, tuple[str, bool]], path: str
) -> None:
    with TemporaryDirectory() as name:
        root = Path(name).resolve()
        for place in ("a", "b/c", "c/a/b"):
            (root / place).mkdir(parents=True, exist_ok=True)
        for place, (target, absolute) in links.items():
            if (root / place).parent.is_dir() and not os.path.lexists(root / place):
                to = f"{root}/{target}" if absolute else target or "."
                (root / place).symlink_to(to)
        try:
            real, found = resolved(f"{root}/{path}")
        except OSError:
            with pytest.raises(OSError, match="symbolic links"):
                os.stat(f"{root}/{path}")  # noqa: PTH116 - Path drops what is empty
            return
        assert real == os.path.realpath(f"{root}/{path}")
        assert all(Path(link).is_symlink() for link in found)
        if not found:
            assert real == os.path.normpath(f"{root}/{path}")


def test_each_link_is_told_by_its_own_place(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "there").mkdir()
    (root / "one").symlink_to("two")
    (root / "two").symlink_to(root / "there")
    assert resolved(f"{root}/one/file") == (
        f"{root}/there/file",
        (f"{root}/one", f"{root}/two"),
    )
    (root / "ring").symlink_to("ring")
    with pytest.raises(OSError, match="symbolic links"):
        resolved(f"{root}/ring")


def test_links_are_judged_while_other_threads_note_folders() -> None:
    written, over = Written(), threading.Event()
    written.note(f"/srv/{n}" for n in range(2000))

    def note() -> None:
        for n in range(2000, 30_000):
            written.note([f"/srv/{n}"])
        over.set()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=note)
    try:
        thread.start()
        while not over.is_set():
            assert written.planted(["/home/link"]) == ""
    finally:
        thread.join()
        sys.setswitchinterval(interval)
    assert written.planted(["/srv/29999/link"]) == "/srv/29999/link"
