"""The loopback index is sound: other people's clients install from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.indexes import HTML, JSON, loopback_index, redirect

UV = Path(sys.executable).parent / "uv"
CLIENTS = {
    "pip": [sys.executable, "-m", "pip", "--isolated", "install", "--no-cache-dir"],
    "uv": [str(UV), "pip", "install", "--no-config", "--no-cache", "--no-progress"],
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("form", [JSON, HTML])
def test_pip_and_uv_install_from_it(client: str, form: str, tmp_path: Path) -> None:
    with loopback_index(formats=(form,)) as index:
        index.add("echo-base", "2.0", files={"echo_base.py": "x = 1\n"})
        index.add("echo-top", "1.0", requires=["echo-base>=1"])

        run = subprocess.run(
            [
                *CLIENTS[client],
                "--index-url",
                index.url,
                "--target",
                tmp_path,
                "echo-top",
            ],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": "", "HOME": str(tmp_path)},
        )

        assert run.returncode == 0, run.stderr
        assert (tmp_path / "echo_base.py").is_file()
        assert "/files/echo_base-2.0-py3-none-any.whl.metadata" in index.asked()


def test_a_path_is_answered_as_a_test_says() -> None:
    with loopback_index() as index:
        published = index.add("echo-top")
        index.answers["/simple/echo-top/"] = redirect("/elsewhere")

        page = index.json_page("Echo.Top")

    assert page["files"][0]["hashes"] == {"sha256": published.sha256}
    assert page["versions"] == ["1.0"]
