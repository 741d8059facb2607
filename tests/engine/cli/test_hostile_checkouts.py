"""A stranger's checkout full of links: no verb reads or writes where they lead."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.cli import main
from lockgate.owned import replace_whole
from lockgate.project._new import make_project
from tests.engine.cli.conftest import Shell

SECRET = 'name = "victim"\nhidden = "5e1f-0001"\n'


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    folder = tmp_path / "victim"
    folder.mkdir()
    (folder / "lockgate.toml").write_text(SECRET)
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose manifest lacks a hook that its code marks: `--write` writes."""
    made = make_project("transformer", "tidy-up", summary="", out=tmp_path)
    manifest = next(made.glob("src/*/lockgate.toml"))
    text = manifest.read_text()
    first, _, rest = text.partition("[hooks]")
    kept = rest.partition("\n\n")[2]
    manifest.write_text(f"{first}[hooks]\n\n{kept}")
    monkeypatch.chdir(made)
    return made


def moved(project: Path, victim: Path, what: str) -> Path:
    """Put a link in the place of a part of the manifest's path; where that leads."""
    manifest = next(project.glob("src/*/lockgate.toml"))
    part = {
        "manifest": manifest,
        "package": manifest.parent,
        "source": manifest.parent.parent,
    }[what]
    if what == "manifest":
        part.unlink()
        part.symlink_to(victim / "lockgate.toml")
    else:
        part.rename(victim / part.name)
        part.symlink_to(victim / part.name)
    return manifest


@pytest.mark.parametrize("what", ["manifest", "package", "source"])
def test_check_writes_nothing_where_a_link_leads(
    project: Path, victim: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = moved(project, victim, what)
    before = {path: path.read_bytes() for path in victim.rglob("*.toml")}

    status = main(["check", "--write"])
    told = capsys.readouterr()

    assert status == 1
    assert "is a symbolic link" in told.err
    assert "5e1f-0001" not in told.out + told.err
    assert {path: path.read_bytes() for path in victim.rglob("*.toml")} == before
    # Written by its path alone, it is the victim's file (or what is beside it).
    manifest.with_name("by-path").write_text("x")
    if what != "manifest":
        assert list(victim.rglob("by-path"))


def test_a_project_without_links_is_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = next(project.glob("src/*/lockgate.toml"))
    before = manifest.read_text()

    assert main(["check", "--write"]) == 0, capsys.readouterr()
    assert "transform = " in manifest.read_text()
    assert manifest.read_text() != before


@pytest.mark.parametrize("verb", ["docs", "check", "dev"])
def test_no_verb_reads_the_manifest_through_a_link(
    project: Path, victim: Path, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    moved(project, victim, "manifest")

    status = main([verb, *(["--once"] if verb == "dev" else []), "--json"])

    assert status == 1
    assert "5e1f-0001" not in capsys.readouterr().out


def test_a_page_is_not_written_where_a_link_leads(
    project: Path, victim: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--write"]) == 0
    (project / "site").symlink_to(victim)
    (project / "page.md").symlink_to(victim / "lockgate.toml")

    refused = main(["docs", "--out", "site/page.md"])
    told = capsys.readouterr().err
    written = main(["docs", "--out", "page.md"])

    assert refused == 2, told
    assert "an absolute path is taken as it is" in told
    assert written == 0
    assert not (project / "page.md").is_symlink(), "the link was replaced"
    assert [path.name for path in victim.iterdir()] == ["lockgate.toml"]
    assert (victim / "lockgate.toml").read_text() == SECRET
    assert main(["docs", "--out", str(project / "site" / "page.md")]) == 0
    assert (victim / "page.md").is_file(), "an owner's own link may be named"


def test_a_choice_is_not_written_where_a_link_leads(
    shell: Shell, tmp_path: Path
) -> None:
    shell.site.wheel("acme", plugin="acme")
    settings = tmp_path / "settings.toml"
    settings.write_text("")
    (shell.work / "lockgate.toml").symlink_to(settings)

    refused = shell.run("disable", "acme", "--project")

    assert refused.status != 0
    assert "symbolic link" in refused.err
    assert settings.read_text() == ""


def test_a_new_project_takes_no_links_place(
    project: Path, victim: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del project
    Path("lockgate-word-count").symlink_to(victim)

    assert main(["new", "analyzer", "word-count"]) == 2, capsys.readouterr()
    assert [path.name for path in victim.iterdir()] == ["lockgate.toml"]


def test_a_file_is_replaced_beneath_real_folders_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    real = tmp_path / "real"
    real.mkdir()
    Path("link").symlink_to(real)
    Path("real/below").mkdir()
    Path("real/up").symlink_to("..")

    for path in ("link/file", "real/up/file", "link/below/file"):
        with pytest.raises(OSError, match="symbolic link"):
            replace_whole(Path(path), b"x")
    replace_whole(Path("real/below/file"), b"x", mode=0o640)
    replace_whole(Path("real/below/../file"), b"y")

    assert Path("real/below/file").stat().st_mode & 0o777 == 0o640
    assert Path("real/file").read_bytes() == b"y"
    assert not list(tmp_path.rglob("*.new"))


def test_a_files_name_writes_no_line_of_ours(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--write"]) == 0
    (package,) = project.glob("src/*")
    forged = "lockgate-tidy-up: 0 errors, 0 other findings; level gold"
    (package / f"x\n{forged}\n\x1b[2K.py").write_bytes(b"#" * (9 << 20))

    main(["check"])
    told = capsys.readouterr().out

    assert f"\\n{forged}" in told, "it is told of, and its name is shown as it is"
    assert f"\n{forged}" not in told
    assert "\x1b" not in told
