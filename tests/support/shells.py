"""What real shells make of a Tab, by the script that a program printed for them."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.sandbox import wait_until

__all__ = ["completed"]

_ZSHRC = """
PS1='ready>'
autoload -U compinit; compinit -u -D
source {script}
compadd() {{
    local -a met
    builtin compadd -O met "$@"
    print -rl -- "${{met[@]}}" >{offered}.part && mv {offered}.part {offered}
    builtin compadd "$@"
}}
"""


def completed(
    name: str, text: str, line: str, folder: Path, env: Mapping[str, str] = os.environ
) -> list[str]:
    """What the shell `name` offers behind `line`, in `folder`, with the script `text`.

    Skips the test where there is no such shell.
    """
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    script = folder / f"script.{name}"
    script.write_text(text)
    if name == "zsh":
        return _on_zsh(script, line, folder, env)
    if name == "bash":
        program = line.partition(" ")[0].replace("-", "_")
        ask = (
            f"source {script}; COMP_WORDS=({line}); [[ '{line}' == *' ' ]] && "
            f"COMP_WORDS+=(''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _{program}; "
            "printf '%s\\n' \"${COMPREPLY[@]}\""
        )
    else:
        ask = f"source {script}; complete -C '{line}'"
    done = subprocess.run([name, "-c", ask], cwd=folder, env=env, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().split()


def _on_zsh(script: Path, line: str, folder: Path, env: Mapping[str, str]) -> list[str]:
    """Zsh completes nowhere but on a terminal; its words are taken on their way."""
    offered = folder / "offered"
    (folder / ".zshrc").write_text(_ZSHRC.format(script=script, offered=offered))
    screen, terminal = pty.openpty()
    with subprocess.Popen(
        ["zsh", "-i"],
        cwd=folder,
        env={**env, "ZDOTDIR": str(folder), "TERM": "xterm"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        shown = b""
        while b"ready>" not in shown:
            shown += os.read(screen, 65536)
        os.write(screen, f"{line}\t".encode())
        assert wait_until(offered.exists, 30)
        process.kill()
    os.close(screen)
    found = offered.read_text().split()
    offered.unlink()
    return found
