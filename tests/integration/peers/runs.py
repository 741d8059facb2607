"""An environment for a peer, and its suite run in it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.integration.peers.recipes import Recipe

__all__ = ["Environment", "Outcome", "SuiteError"]

ROOT = Path(__file__).parents[3]
SWAP = Path(__file__).parent / "swap"
RUN_SECONDS = 540


class SuiteError(Exception):
    """A suite, or what it needs, could not be had or run."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run said of each test."""

    passed: frozenset[str]
    failed: frozenset[str]
    skipped: frozenset[str]

    @classmethod
    def read(cls, report: Path) -> Outcome:
        """The outcome in a report of pytest's (JUnit XML, of our own making).

        Raises:
            SuiteError: If there is no report, or it holds no test.
        """
        try:
            root = ElementTree.parse(report).getroot()  # noqa: S314 - pytest wrote it
        except (OSError, ElementTree.ParseError) as error:
            raise SuiteError(f"the suite wrote no report: {error}") from error
        found: dict[str, set[str]] = {
            "passed": set(),
            "failed": set(),
            "skipped": set(),
        }
        for case in root.iter("testcase"):
            name = f"{case.get('classname')}::{case.get('name')}"
            tags = {child.tag for child in case}
            word = "failed" if tags & {"failure", "error"} else "passed"
            found["skipped" if "skipped" in tags else word].add(name)
        if not found["passed"] | found["failed"]:
            raise SuiteError("the suite ran no test")
        return cls(**{word: frozenset(names) for word, names in found.items()})


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment that holds a peer, its test tools and lockgate."""

    folder: Path
    checkout: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def make(self, recipe: Recipe) -> None:
        """Install everything; the checkout stays where it is.

        Raises:
            SuiteError: If something can't be installed.
        """
        _run([sys.executable, "-m", "venv", "--without-pip", str(self.folder)], {})
        needs = [one.format(checkout=self.checkout) for one in recipe.needs]
        ours = ["-e", str(ROOT / "sandbox"), "-e", str(ROOT / "engine")]
        self._install([*needs, *ours], recipe.version)

    def _install(self, needs: Sequence[str], version: str) -> None:
        target = ["--python", str(self.python)]
        uv = Path(sys.prefix, "bin", "uv")
        if uv.exists():
            command = [str(uv), "pip", "install", "-q", *target, *needs]
        else:
            pip = [sys.executable, "-m", "pip", *target]
            command = [*pip, "install", "-q", *needs]
        names = ("SETUPTOOLS_SCM_PRETEND_VERSION", "PBR_VERSION")
        _run(command, dict.fromkeys(names, version))

    def plain(self, recipe: Recipe) -> Outcome:
        """The suite as its authors run it."""
        return self._suite([str(self.python)], recipe, {})

    def swapped(self, recipe: Recipe) -> Outcome:
        """The suite with our part in it.

        Raises:
            SuiteError: If our part does not stand where it should.
        """
        if recipe.part == "sandbox":
            return self._sealed(recipe)
        environ = {"PYTHONPATH": str(SWAP)}
        question = "import pluggy; print(pluggy.PluginManager.__module__)"
        told = _run([str(self.python), "-c", question], environ).strip()
        if told != "lockgate.inprocess._manager":
            raise SuiteError(f"the manager is {told}'s: the swap did not work")
        return self._suite([str(self.python)], recipe, environ)

    def _suite(
        self, command: Sequence[str], recipe: Recipe, environ: Mapping[str, str]
    ) -> Outcome:
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder, "report.xml")
            words = [*command, "-m", "pytest", *_options(recipe, report)]
            _run(words, environ, cwd=self.checkout, may_fail=True)
            return Outcome.read(report)

    def _sealed(self, recipe: Recipe) -> Outcome:
        """The suite in a sealed process: it sees its environment and the checkout."""
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o777)
            report = Path(folder, "report.xml")
            script = Path(folder, "suite.py")
            script.write_text(_SCRIPT.format(options=_options(recipe, report)))
            site = _run([str(self.python), "-c", _SITE], {}).strip()
            reads = (self.folder, self.checkout, ROOT)
            words = [str(self.python), "-m", "lockgate_sandbox", "run"]
            words += ["--tier", "elevated", "--allow-write", folder]
            words += [word for one in reads for word in ("--allow-read", str(one))]
            words += ["--path", site, str(script), str(self.checkout)]
            said = _run(words, {}, may_fail=True)
            try:
                return Outcome.read(report)
            except SuiteError as error:
                raise SuiteError(f"{error}\n{said[-2000:]}") from error


_SITE = "import sysconfig; print(sysconfig.get_path('purelib'))"

_SCRIPT = """
import os, sys
os.chdir(sys.argv[1])
sys.path.insert(0, sys.argv[1])
import pytest
raise SystemExit(pytest.main({options!r}))
"""


def _options(recipe: Recipe, report: Path) -> list[str]:
    left_out = ["-k", recipe.leave_out] if recipe.leave_out else []
    # Without a cache: the checkout is not ours to write to.
    words = ["-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    return [*words, *left_out, *recipe.tests]


def _run(
    command: Sequence[str],
    environ: Mapping[str, str],
    *,
    cwd: Path | None = None,
    may_fail: bool = False,
) -> str:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**kept, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SuiteError(f"{command[0]} took more than {RUN_SECONDS} s") from error
    if done.returncode and not may_fail:
        raise SuiteError(f"{' '.join(command[:6])} failed:\n{done.stdout[-2000:]}")
    return done.stdout
