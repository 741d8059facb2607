"""Put the files of the chosen kind in their places (run in the new project)."""

import shutil
from pathlib import Path

kinds = Path("_kinds")
shutil.copytree(kinds / "{{ cookiecutter.kind }}", ".", dirs_exist_ok=True)
shutil.rmtree(kinds)
