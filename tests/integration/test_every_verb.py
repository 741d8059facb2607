"""Every verb of the command line, with a hundred plugins of which thirty are hostile.

Most run in this very process: a verb that imported one of the hostile plugins would
end it, and any import leaves a mark. What is listed here is held against what the
command line offers, so that no verb is added without being tried.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from lockgate.cli._brought import brought
from lockgate.cli._session import installed, tolerant_settings
from lockgate.cli._verbs import VERBS, make_parser
from lockgate.config import load_config
from lockgate.errors import HookError
from lockgate.host import Host
from tests.support.dists import manifest_text
from tests.support.host_plugins import Site, manifest_of
from tests.support.hundred import LIMITS, install
from tests.support.indexes import loopback_index
from tests.support.market import CODE, Home, fresh_home, offered
from tests.support.wheels import forge_file

KEY = "ed25519:" + "A" * 43 + "="
PIPELINE = """
schema: 1
name: targets
steps:
  - {id: ask, hook: generator_targets, plugin: good-00}
outputs: {targets: "${steps.ask.value}"}
"""
HOSTILE_CODE = f"while True: pass\n{CODE}"

MANAGED: Sequence[tuple[int, str]] = [
    (0, "list"),
    (0, "info loops-0"),
    (0, "find kind=generator"),
    (0, "hooks list"),
    (0, "hooks show generator_targets"),
    (0, "config show"),
    (0, "config path"),
    (0, "config validate"),
    (0, "grants show"),
    (0, "grants diff forks-0"),
    (0, "grants grant asks env:LANG"),
    (0, "grants revoke asks env:LANG"),
    (0, "disable loops-1"),
    (0, "enable loops-1"),
    (0, "pin hoards-0==1.0"),
    (0, "unpin hoards-0"),
    (0, "data list"),
    (0, "data show crashes-1"),
    (0, "data clear crashes-1"),
    (0, "quarantine list"),
    (0, "quarantine clear exits-0"),
    (0, "doctor"),
    (0, "logs"),
]
RUNNING: Sequence[tuple[int, str]] = [
    (0, "ps"),
    (0, "top --once"),
    (0, "trace"),
    (0, "reload good-00"),
    (1, "reload missing-0"),
]
AUTHORED: Sequence[tuple[int, str]] = [
    (0, "new generator brand-new"),
    (0, "check lockgate-brand-new"),
    (0, "docs lockgate-brand-new"),
    (0, "sandbox scan lockgate-brand-new"),
    (0, "sandbox policy show"),
    (0, "sandbox policy explain --tier basic"),
    (1, "sandbox policy diff read-only basic"),
]
MARKET: Sequence[tuple[int, str]] = [
    (0, "search acme"),
    (0, "why acme"),
    (0, "install acme==1.0"),
    (0, "outdated"),
    (0, "upgrade acme"),
    (0, "verify"),
    (0, "lock"),
    (0, "sync --dry-run"),
    (0, "rollback --list"),
    (0, "rollback"),
    (0, "gc"),
    (0, "trust show"),
    (0, f"trust pin acme-lamp --index main --key {KEY}"),
    (0, "trust rotate acme-lamp"),
    (0, "trust forget acme-lamp"),
    (0, "trust accept acme"),
    (0, "trust key key.pem"),
    (0, "publish wheels --to placed"),
    (0, "index build wheels --out site"),
    (0, "uninstall acme"),
]
PROCESSES: Sequence[tuple[int, str]] = [
    (0, "call generator_targets --plugin good-00"),
    (0, "run targets.yaml"),
    (0, "test lockgate-brand-new"),
    (0, "dev lockgate-brand-new --once --call generator_targets"),
    (0, "demo --out demo"),
    (0, r"bisect --text good-00.*\sok\s -- list"),
    (0, "sandbox run hello.py"),
    (0, "sandbox learn hello.py"),
    (0, "sandbox doctor"),
]
SHELLS: Sequence[tuple[int, str]] = [
    (0, "completion bash"),
    (0, "completion zsh"),
    (0, "completion fish"),
    *((0, f"sandbox completion {shell}") for shell in ("bash", "zsh", "fish")),
]
SERVED = "index serve site"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, mark: Path) -> Site:
    made = Site(tmp_path_factory.mktemp("hundred"))
    install(made, mark)
    rights = '[rights]\nenv = ["LANG"]\n'
    made.add(
        "asks", HOSTILE_CODE, manifest=manifest_of("asks", tier="elevated", more=rights)
    )
    return made


@pytest.fixture
def home(
    site: Site,
    mark: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Home]:
    """A user who has the hundred; afterwards none of them was imported."""
    made = fresh_home(tmp_path, monkeypatch, capsys)
    monkeypatch.setattr(sys, "path", [str(site.folder), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(site.folder))
    yield made
    assert not mark.exists()
    assert not [name for name in sys.modules if name.endswith("_plugin.impl")]


def run_all(home: Home, lines: Sequence[tuple[int, str]]) -> None:
    """Each as it stands; what it prints is JSON and nothing else."""
    for status, line in lines:
        found, out, err = home.run(*line.split(), "--json")
        assert found == status, (line, out, err)
        assert json.loads(out), line
        assert "Traceback" not in err, line


def test_what_manages_plugins(home: Home) -> None:
    run_all(home, MANAGED)

    assert home.json("doctor", "--fix")["status"] == 0
    assert len(home.json("list", "--kind", "generator")["plugins"]) >= 100


def test_what_watches_hosts(home: Home, site: Site) -> None:
    config = load_config()
    with Host.open(config, search_path=[site.folder], control="always") as host:
        host.call("generator_targets", plugin="good-00")
        with pytest.raises(HookError):
            host.call("generator_targets", plugin="missing-0")
        run_all(home, RUNNING)
        (seen,) = home.json("ps", "--all")["hosts"]

    stages = {one["plugin"]: one["stage"] for one in seen["plugins"]}
    assert stages["good-00"] == "active"
    assert len(stages) >= 100


def test_what_shells_ask(home: Home) -> None:
    for status, line in SHELLS:
        found, out, err = home.run(*line.split())
        assert (found, err) == (status, ""), line
        assert "--words" in out, line

    _, words, _ = home.run("completion", "--words", "info", "loops-")
    assert "loops-0" in words.split()


def test_what_authors_use(home: Home) -> None:
    run_all(home, AUTHORED)


def test_what_the_marketplace_brings(home: Home) -> None:
    """The plugin that is installed here loops at its import, too."""
    (home.root / "wheels").mkdir()
    manifest = manifest_text("acme", extra=LIMITS)
    files = {"acme/__init__.py": HOSTILE_CODE.format(version="1.0")}
    forge_file(home.root / "wheels", "acme", "1.0", manifest=manifest, files=files)
    with loopback_index() as index:
        offered(index, version="1.0", extra=LIMITS, code=HOSTILE_CODE)
        offered(index, version="1.1", extra=LIMITS, code=HOSTILE_CODE)
        home.indexes(main=index)
        run_all(home, MARKET)

    names = {one["name"] for one in home.json("list")["plugins"]}
    assert "loops-0" in names
    assert "acme" not in names


@pytest.mark.slow
def test_what_starts_workers_and_programs(home: Home) -> None:
    """As users run them: each in a process of its own."""
    (home.root / "targets.yaml").write_text(PIPELINE)
    (home.root / "hello.py").write_text("print('hello')")
    assert home.run("new", "generator", "brand-new")[0] == 0

    for status, line in PROCESSES:
        done = subprocess.run(
            [sys.executable, "-m", "lockgate", *line.split()],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == status, (line, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr, line


def test_a_site_is_served(home: Home) -> None:
    (home.root / "wheels").mkdir()
    assert home.run("index", "build", "wheels", "--out", "site")[0] == 0
    command = [sys.executable, "-m", "lockgate", *SERVED.split()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0

    assert "http://127.0.0.1:" in told


def test_no_verb_is_left_out() -> None:
    """Of those that the command line offers, each with all that it can begin with."""
    config, _ = tolerant_settings((), ())
    modules = {name: verb.module for name, verb in VERBS.items()}
    modules |= {
        verb.name: verb.module for verb, _ in brought(installed(config).plugins)
    }
    offered_lines = {
        line for name, module in modules.items() for line in lines_of(name, module)
    }
    tried = [*MANAGED, *RUNNING, *AUTHORED, *MARKET, *PROCESSES, *SHELLS, (0, SERVED)]
    exercised = {begun(line, offered_lines) for _, line in tried}

    assert {"index serve", "grants revoke", "install", "bisect"} <= offered_lines
    assert sorted(offered_lines - exercised) == []


def begun(line: str, offered_lines: set[str]) -> str:
    """The longest of what is offered that `line` begins with."""
    found = [one for one in offered_lines if f"{line} ".startswith(f"{one} ")]
    return max(found, key=len, default="")


def lines_of(name: str, module: str) -> Iterator[str]:
    parser = make_parser("lockgate")
    import_module(module).add(parser.add_subparsers(prog="lockgate"))
    return (line for line in leaves(parser) if line.split()[0] == name)


def leaves(parser: argparse.ArgumentParser, *words: str) -> Iterator[str]:
    """Each verb, or what its first word can be where that is one of a few."""
    for action in parser._actions:  # pyright: ignore[reportPrivateUsage]
        if action.option_strings or not action.choices:
            continue
        choices: Any = action.choices
        for word in choices:
            if isinstance(choices, dict):
                yield from leaves(choices[word], *words, word)  # pyright: ignore[reportUnknownArgumentType]
            else:
                yield " ".join((*words, word))
        return
    yield " ".join(words)
