"""A stranger's words on a terminal: no escape sequence, and no line that looks ours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lockgate.cli._output import print_error
from lockgate.errors import LockgateError
from lockgate.verb import one_line, print_warning
from lockgate_marketplace.publish import prepare
from tests.support.indexes import JSON, LoopbackIndex, loopback_index
from tests.support.market import Home, offered
from tests.support.servers import reply
from tests.support.wheels import Draft

pytestmark = pytest.mark.kernel

EVIL = (
    "\x1b]0;owned\x07\x1b[2K\x9b31m\u202e\u2028\r\nInstalled acme 9.9 (generation 7)."
)
"""Sets a title, wipes the line, turns the text round, and forges a line of ours."""


@pytest.fixture
def index() -> Iterator[LoopbackIndex]:
    with loopback_index() as made:
        yield made


def sound(text: str) -> bool:
    """Whether a terminal would show all of it, and none of it as a line of ours."""
    odd = re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]", text)
    return not odd and not re.search(r"(?m)^Installed acme 9", text)


def test_the_words_are_what_they_are_said_to_be() -> None:
    assert not sound(EVIL)
    assert not sound(f"error: {EVIL}")
    assert sound(one_line(EVIL))


def _status(index: LoopbackIndex) -> None:
    index.project("acme").status = {"status": "archived", "reason": EVIL}


def _yanked(index: LoopbackIndex) -> None:
    index.file("acme", "1.0").row["yanked"] = EVIL


def _unknown_status(index: LoopbackIndex) -> None:
    index.project("acme").status = {"status": EVIL}


def _filename(index: LoopbackIndex) -> None:
    index.file("acme", "1.0").row["filename"] = f"acme-1.0{EVIL}-py3-none-any.whl"


def _url(index: LoopbackIndex) -> None:
    index.file("acme", "1.0").row["url"] = f"https://evil.example/{EVIL}"


def _python(index: LoopbackIndex) -> None:
    index.file("acme", "1.0").row["requires-python"] = EVIL


def _name(index: LoopbackIndex) -> None:
    index.project("acme").extra["name"] = EVIL


def _versions(index: LoopbackIndex) -> None:
    index.project("acme").versions = [EVIL, "1.0"]


def _api(index: LoopbackIndex) -> None:
    index.api_version = EVIL


def _body(index: LoopbackIndex) -> None:
    line = EVIL.partition("\r")[0]
    index.answers["/simple/acme/"] = lambda _: reply(
        EVIL.encode(), f"500 {line}", (f"Content-Type: {line}",)
    )


def _broken(index: LoopbackIndex) -> None:
    index.answers["/simple/acme/"] = lambda _: reply(
        b'{"name": "' + EVIL.encode() + b'"', headers=(f"Content-Type: {JSON}",)
    )


def _catalog(index: LoopbackIndex) -> None:
    index.served["/catalog.json"] = json.dumps(
        {"plugins": [{"name": EVIL, "summary": EVIL, "facets": {EVIL: [EVIL]}}]}
    ).encode()


HOSTILE = [
    _status, _yanked, _unknown_status, _filename, _url, _python, _name, _versions,
    _api, _body, _broken, _catalog,
]  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
def test_an_index_writes_nothing_of_its_own_to_the_terminal(
    home: Home, index: LoopbackIndex, hostile: Callable[[LoopbackIndex], None]
) -> None:
    offered(index)
    home.indexes(default="main", main=f'url = "{index.url}"\ninsecure = true')
    hostile(index)

    for words in (
        ["install", "acme"],
        ["install", "acme==1.0", "--no-rights"],
        ["search", "acme"],
        ["why", "acme"],
        ["outdated"],
        ["trust", "accept", "main/acme"],
        ["trust", "show"],
    ):
        _, out, err = home.run(*words)
        assert sound(out), (words, out)
        assert sound(err), (words, err)


def test_they_do_come_as_far_as_the_terminal(home: Home, index: LoopbackIndex) -> None:
    """What is shown of them is their escaped form."""
    offered(index)
    home.indexes(default="main", main=f'url = "{index.url}"\ninsecure = true')
    _yanked(index)

    assert "\\x1b]0;owned" in home.run("install", "acme")[2]
    assert "\\x1b]0;owned" in home.run("why", "acme")[1]


def test_an_error_can_hold_anything_and_writes_none_of_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = LockgateError(EVIL, where=EVIL, hint=EVIL)

    print_error(error)
    print_warning(error)
    assert sound(capsys.readouterr().err)

    monkeypatch.setattr("lockgate.cli._output.clean", str)
    print_error(error)
    assert not sound(capsys.readouterr().err)


@pytest.mark.parametrize(
    "header",
    ["Summary", "Author", "License", "Keywords", "Project-URL", "Requires-Dist"],
)
def test_a_wheel_writes_nothing_of_its_own_to_the_terminal(
    home: Home, header: str
) -> None:
    draft = Draft("acme", "1.0", headers=(f"{header}: x{EVIL}",))
    draft.add("acme/__init__.py", b"")
    folder = home.root / "wheels"
    folder.mkdir()
    wheel = folder / "acme-1.0-py3-none-any.whl"
    wheel.write_bytes(draft.seal().pack())

    for words in (
        ["install", str(wheel)],
        ["publish", str(wheel)],
        ["index", "build", str(folder), "--out", str(home.root / "site")],
    ):
        _, out, err = home.run(*words)
        assert sound(out), (words, out)
        assert sound(err), (words, err)


def test_a_lock_writes_nothing_of_its_own_to_the_terminal(home: Home) -> None:
    told = json.dumps(EVIL)
    for key in ("distribution", "version", "plugins", "rights"):
        value = f"[{told}]" if key in ("plugins", "rights") else told
        rows = {"distribution": '"acme"', "version": '"1.0"', "plugins": '["acme"]'}
        rows |= {"rights": "[]", "wheels": "[]", key: value}
        text = "\n".join(f"{name} = {content}" for name, content in rows.items())
        (home.root / "lockgate.lock").write_text(f"schema = 1\n[[plugin]]\n{text}\n")

        for words in (["sync"], ["lock", "--check"]):
            status, out, err = home.run(*words)
            assert status == 3
            assert sound(out), out
            assert sound(err), err


def test_an_error_of_several_lines_stays_one_message(home: Home) -> None:
    """What a note of the source gate quotes is the wheel's own text."""
    code = f"def f(context):\n    context.secret({EVIL!r})\n".encode()
    manifest = home.wheel("1.0", code=code.decode())

    status, out, err = home.run("install", manifest)

    assert status == 3
    assert "scan-undeclared-right" in err
    assert sound(out)
    assert sound(err)
    with pytest.raises(LockgateError):
        prepare(Path(manifest))
