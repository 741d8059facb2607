"""A project as if it were installed: a folder of metadata that points at its source.

It has the files of an editable install (a ``.dist-info``, a ``.pth``), so discovery
and workers treat it as one. Nothing is built, and no environment is touched.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from lockgate._text.beneath import read_beneath
from lockgate.manifest import MANIFEST_LIMIT_BYTES
from lockgate.owned import replace_beneath
from lockgate.project._folder import Project

__all__ = ["stage"]

_TIER = re.compile(r"(?m)^tier\s*=.*$")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")


def stage(project: Project, folder: Path, *, tier: str = "") -> Path:
    """Put `project` into `folder`; gives the folder for a search path.

    With `tier` a copy of the package goes there, whose manifest asks for that one.
    """
    site = folder / "site"
    dashed = project.distribution.replace("-", "_").replace(".", "_")
    info = site / f"{dashed}-{project.version}.dist-info"
    info.mkdir(parents=True)
    record: list[str] = []
    if tier:
        # Links stay links: what they lead to is not the project's to hand on.
        shutil.copytree(
            project.root / project.package,
            site / project.package,
            symlinks=True,
            ignore=_LEFT_OUT,
        )
        manifest = f"{project.package}/{project.manifest.name}"
        text = read_beneath(str(site), manifest, MANIFEST_LIMIT_BYTES).decode("utf-8")
        raw = _TIER.sub(f'tier = "{tier}"', text, count=1).encode("utf-8")
        replace_beneath(site, manifest, raw, mode=0o644)
        record.append(manifest)
    else:
        pth = f"_lockgate_{project.package}.pth"
        (site / pth).write_text(f"{project.root}\n")
        record.append(pth)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project.distribution}\n"
        f"Version: {project.version}\n"
    )
    value = f"{project.package}:{project.manifest.name}"
    (info / "entry_points.txt").write_text(
        f"[lockgate.manifest]\n{project.plugin} = {value}\n"
    )
    (info / "RECORD").write_text("".join(f"{path},,\n" for path in record))
    return site
