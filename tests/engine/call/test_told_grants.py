"""A plugin that is refused something: the hint is the command that allows it.

The real worker is refused by the kernel or the broker; what is told must be one line
to copy, and it must be right for whoever reads it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate.errors import HookError
from lockgate.granting import grant_now
from lockgate.host import Host
from lockgate.values import Tree
from tests.support.host_plugins import Site, manifest_of

pytestmark = pytest.mark.kernel

TREE = Tree.of({"a.txt": "text"})
RIGHTS = """
[rights]
env = ["ACME_KEY"]
read = ["/etc/passwd"]
net = ["a.test", "http://a.test"]
secrets = ["token"]
"""
ASKER = """
from lockgate.plugin import Transformation, hookimpl

@hookimpl
def transform(tree, options, context):
    exec(options["code"], {"context": context})
    return Transformation(tree)
"""
WRAPPED = (
    "import os\ntry: os.environ['ACME_KEY']\n"
    "except KeyError as error: raise RuntimeError('no key') from error"
)
URLLIB = "import urllib.request as u; u.urlopen('http://{}/')"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    site = Site(tmp_path_factory.mktemp("told"))
    asking = manifest_of("acme", tier="elevated", more=RIGHTS)
    site.add("acme", ASKER, manifest=asking)
    site.add("plain", ASKER)
    with pytest.MonkeyPatch.context() as patch, site.open() as opened:
        patch.setenv("ACME_KEY", "value-of-it")
        yield opened


def told(host: Host, code: str, plugin: str = "acme") -> HookError:
    with pytest.raises(HookError) as caught:
        host.call("transform", plugin=plugin, tree=TREE, options={"code": code})
    return caught.value


@pytest.mark.parametrize(
    ("code", "rights"),
    [
        ("open('/etc/passwd')", ["read:/etc/passwd", "tier:elevated"]),
        ("import os; os.environ['ACME_KEY']", ["env:ACME_KEY"]),
        (
            WRAPPED,
            ["env:ACME_KEY"],
        ),
        ("import os; os.environb[b'ACME_KEY']", ["env:ACME_KEY"]),
        ("open(b'/etc/passwd')", ["read:/etc/passwd", "tier:elevated"]),
        ("context.secret('token')", ["secret:token", "tier:elevated"]),
        (URLLIB.format("a.test:443"), ["net:a.test", "tier:elevated"]),
    ],
)
def test_what_is_not_granted_comes_with_the_command_that_grants_it(
    host: Host, code: str, rights: list[str]
) -> None:
    error = told(host, code)

    assert error.cause == "permission-denied"
    lead, _, command = error.hint.partition(": ")
    assert lead == "To allow it"
    assert shlex.split(command) == ["lockgate", "grants", "grant", "acme", *rights]


@pytest.mark.parametrize(
    ("code", "way"),
    [
        ("open('/etc/hostname')", "`read = ['/etc/hostname']` there, under [rights]"),
        ("import os; os.environ['OTHER']", "`env = ['OTHER']` there, under [rights]"),
        ("context.secret('other')", "ask for it in its manifest, under [rights]"),
        (URLLIB.format("b.test"), 'ask for it: [rights] net = ["b.test:80"]'),
    ],
)
def test_what_is_not_asked_for_says_so(host: Host, code: str, way: str) -> None:
    error = told(host, code)

    assert way in error.hint
    assert "report it to its author" not in error.hint


def test_a_refused_host_is_told_without_the_way_to_the_broker(host: Host) -> None:
    error = told(host, URLLIB.format("b.test"))

    assert "b.test:80: no grant names this host" in error.message
    assert error.traceback == ""


def test_a_plugin_without_any_right_is_told_what_it_misses(host: Host) -> None:
    error = told(host, "context.secret('token')", plugin="plain")

    assert "no secret is granted here" in error.message
    assert "callback" not in str(error.to_dict())


def test_a_failure_without_a_right_that_is_asked_for_may_come_of_it(
    host: Host,
) -> None:
    code = "import os; os.getenv('ACME_KEY').upper()"
    hint = told(host, code).hint

    assert "env:ACME_KEY" in hint
    assert "`lockgate grants diff acme`" in hint
    assert "The fault is in plain" in told(host, code, plugin="plain").hint


def test_a_refusal_that_was_coped_with_is_not_blamed_for_another(host: Host) -> None:
    code = (
        "try: context.secret('token')\nexcept Exception: pass\n"
        "import subprocess; subprocess.run(['/bin/true'])"
    )

    assert "A plugin starts no process of its own" in told(host, code).hint


def test_words_alone_name_no_grant(host: Host) -> None:
    code = "raise RuntimeError('evil.test:443 is refused: To allow it: run this')"
    error = told(host, code, plugin="plain")

    assert "To allow it" not in error.hint
    assert error.cause == "remote-error"


def test_a_name_that_is_no_text_is_told_readably(host: Host) -> None:
    code = r"import os; os.environb[b'\xff']"

    assert r"env = ['\\udcff']" in told(host, code).hint


@pytest.mark.parametrize(
    ("first_line", "way"),
    [
        ("import os; os.environ['ACME_KEY']", "grants grant late env:ACME_KEY"),
        ("open('/etc/passwd')", "grants grant late read:/etc/passwd tier:elevated"),
        ("import os; os.environ['OTHER']", "`env = ['OTHER']` there"),
        ("open('/etc/hostname')", "`read = ['/etc/hostname']` there"),
        ("import subprocess as s; s.run('ls')", "starts no process of its own"),
    ],
)
def test_what_an_import_is_refused_is_told_like_what_a_call_is(
    tmp_path: Path, first_line: str, way: str
) -> None:
    site = Site(tmp_path)
    asking = manifest_of("late", tier="elevated", more=RIGHTS)
    site.add("late", f"{first_line}\n{ASKER}", manifest=asking)
    with site.open() as host:
        error = told(host, "", plugin="late")

    assert error.cause == "import-failed"
    assert way in error.hint


def test_a_path_that_is_granted_and_yet_refused_is_not_called_unasked_for(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path)
    there = tmp_path / "there"
    there.mkdir()
    rights = f'[rights]\nread = ["{there}"]\n'
    asking = manifest_of("acme", tier="elevated", more=rights)
    site.add("acme", ASKER, manifest=asking)
    granted = [f"read:{there}", "tier:elevated"]
    grant_now(site.state("acme"), site.config, granted)
    with site.open() as host:
        hint = told(host, f"open('{there}/new', 'w')").hint

    assert "does not ask" not in hint
    assert f"It was granted read:{there}. To write there it has to ask" in hint
