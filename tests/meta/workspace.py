"""What the workspace consists of, read from its own files."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Member:
    """One distribution of the workspace."""

    folder: Path
    distribution: str
    package: str

    @property
    def source(self) -> Path:
        """The import package's folder."""
        return self.folder / "src" / self.package

    @property
    def tests(self) -> Path:
        """Where its tests stand."""
        relative = self.folder.relative_to(ROOT)
        return ROOT / "tests" / relative

    @property
    def is_plugin(self) -> bool:
        """Whether the host finds it by an entry point."""
        return self.folder.parent.name == "plugins" or self.folder.name == "marketplace"


def table(path: Path) -> dict[str, Any]:
    """A TOML file as a dict."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def members() -> list[Member]:
    """Every distribution, sandbox first, plugins last and sorted."""
    folders = [ROOT / "sandbox", ROOT / "engine", ROOT / "marketplace"]
    folders += sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
    found: list[Member] = []
    for folder in folders:
        name = table(folder / "pyproject.toml")["project"]["name"]
        found.append(Member(folder, name, name.replace("-", "_")))
    return found


def modules(member: Member) -> Iterator[Path]:
    """Each Python file of a member's package."""
    yield from sorted(member.source.rglob("*.py"))


def module_name(member: Member, path: Path) -> str:
    """The dotted name of a module of `member`; a package's is that of its folder."""
    parts = path.relative_to(member.source.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tracked_files() -> list[Path]:
    """Each file that is part of the project: tracked, or new and not ignored."""
    # The checkout may belong to somebody else; nothing of it is run.
    git = ["git", "-c", "safe.directory=*"]
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    paths = (ROOT / name for name in listed.split("\0") if name)
    return [path for path in paths if path.is_file()]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Each absolute module name that a file imports, with its line."""
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if "." in node.module:
                yield node.lineno, node.module
            else:  # ``from package import module``: the module is what is imported
                for alias in node.names:
                    yield node.lineno, f"{node.module}.{alias.name}"
