"""pip and uv, as they are, install from a site: served by us, or by a plain server."""

from __future__ import annotations

import functools
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
Tool = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def plain(site: Path) -> Generator[str]:
    """The site behind the standard library's file server, which knows nothing of it."""
    handler = functools.partial(_Silent, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.02}
        )
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def run(*command: str, home: Path) -> subprocess.CompletedProcess[str]:
    keep = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
    clean = {
        **keep,
        "HOME": str(home),
        "PIP_CONFIG_FILE": os.devnull,
        "UV_NO_CONFIG": "1",
        "UV_CACHE_DIR": str(home / "uv"),
    }
    return subprocess.run(
        command, capture_output=True, text=True, env=clean, check=False, timeout=60
    )


def pip(url: str, target: Path, *wants: str) -> subprocess.CompletedProcess[str]:
    return run(
        sys.executable, "-m", "pip", "install", "--disable-pip-version-check",
        "--no-cache-dir", "--index-url", f"{url}simple/", "--target", str(target),
        *wants, home=target,
    )  # fmt: skip


def uv(url: str, target: Path, *wants: str) -> subprocess.CompletedProcess[str]:
    return run(
        str(BIN / "uv"), "pip", "install", "--python", sys.executable,
        "--index-url", f"{url}simple/", "--target", str(target),
        *wants, home=target,
    )  # fmt: skip


@pytest.mark.parametrize("tool", [pip, uv], ids=["pip", "uv"])
@pytest.mark.parametrize("server", ["url", "plain"])
def test_a_plugin_and_the_library_it_needs_are_installed(
    request: pytest.FixtureRequest, tmp_path: Path, tool: Tool, server: str
) -> None:
    """Yanked versions are passed over, and the hashes hold."""
    address: str = request.getfixturevalue(server)
    done = tool(address, tmp_path, "lockgate-acme<1.1")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lockgate_acme-1.0.dist-info").is_dir()
    assert (tmp_path / "lockgate_acme" / "lockgate.toml").is_file()
    assert (tmp_path / "six.py").is_file()


@pytest.mark.parametrize("tool", [pip, uv], ids=["pip", "uv"])
def test_a_yanked_version_comes_only_if_it_is_pinned(
    url: str, tmp_path: Path, tool: Tool
) -> None:
    assert tool(url, tmp_path / "a", "lockgate-acme<1.0").returncode != 0

    done = tool(url, tmp_path / "b", "lockgate-acme==0.9")
    assert done.returncode == 0, done.stderr
    assert "writes empty tables" in done.stderr + done.stdout
