"""Files: reading, writing, and what hides in a path."""

from __future__ import annotations

import ast
import re

from lockgate_sandbox.source._site import Family, Site, TextLook, argument
from lockgate_sandbox.source.findings import Level, Right, Rule

__all__ = ["FAMILY"]

READ = Rule("file-read", Level.NOTE, "Reads files or folders.", Right.READ)
WRITE = Rule(
    "file-write",
    Level.WARNING,
    "Writes, moves or removes files or folders.",
    Right.WRITE,
)
METADATA = Rule(
    "file-metadata",
    Level.WARNING,
    "Changes owner, mode, times or links of files.",
    Right.WRITE,
)
SECRET = Rule(
    "secret-path",
    Level.WARNING,
    "Names a file that holds secrets, or a door into other processes.",
    Right.READ,
)

_WRITERS = (
    "os.remove", "os.unlink", "os.rmdir", "os.removedirs", "os.rename", "os.renames",
    "os.replace", "os.mkdir", "os.makedirs", "os.truncate", "os.ftruncate", "os.mkfifo",
    "os.mknod", "os.copy_file_range", "shutil.copy", "shutil.copy2", "shutil.copyfile",
    "shutil.copytree", "shutil.move", "shutil.rmtree", "shutil.make_archive",
    "shutil.unpack_archive", "shutil.copyfileobj", "tempfile.mkstemp",
    "tempfile.mkdtemp", "tempfile.mktemp", "tempfile.NamedTemporaryFile",
    "tempfile.TemporaryFile", "tempfile.TemporaryDirectory", "logging.FileHandler",
    "logging.handlers.RotatingFileHandler", "os.memfd_create",
    "tempfile.SpooledTemporaryFile", "dbm.open", "sqlite3.connect",
)  # fmt: skip
_METADATA = (
    "os.chmod", "os.chown", "os.lchown", "os.lchmod", "os.fchmod", "os.fchown",
    "os.utime", "os.link", "os.symlink", "os.setxattr", "os.removexattr",
    "os.chflags", "shutil.chown", "shutil.copymode", "shutil.copystat", "os.umask",
)  # fmt: skip
_READERS = (
    "os.listdir", "os.scandir", "os.walk", "os.fwalk", "glob.glob", "glob.iglob",
    "os.readlink", "linecache.getline", "fileinput.input", "os.getxattr",
    "pkgutil.get_data",
)  # fmt: skip
_READ_METHODS = ("read_text", "read_bytes", "iterdir", "rglob")
_WRITE_METHODS = (
    "write_text", "write_bytes", "touch", "symlink_to", "hardlink_to", "mkdir",
    "rmdir", "unlink",
)  # fmt: skip
_WRITE_FLAGS = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC", "O_TMPFILE")
_OPENERS = {
    "builtins.open": 1, "codecs.open": 1, "io.FileIO": 1, "gzip.open": 1,
    "bz2.open": 1, "lzma.open": 1, "tarfile.open": 1, "zipfile.ZipFile": 1,
    "tokenize.open": 9, "io.open_code": 9, "os.fdopen": 1, "wave.open": 1,
    "gzip.GzipFile": 1, "bz2.BZ2File": 1, "lzma.LZMAFile": 1, "tarfile.TarFile": 1,
}  # fmt: skip
_SECRET_WORDS = (
    ".ssh", "id_", "/etc/", ".aws", ".docker", ".kube", ".netrc", ".pgpass",
    ".git-cred", ".pypirc", ".npmrc", "/proc/", "/dev/", "wallet", "/run/",
    "_history",
)  # fmt: skip
"""At least one stands in each such path."""
_PATH_CHARS = 1_024
"""What is longer is prose about such files, and no path."""
_SECRET = re.compile(
    r"/\.ssh\b|\bid_(?:rsa|ed25519|ecdsa)\b|/etc/(?:shadow|sudoers|gshadow)\b"
    r"|\.aws/credentials|\.docker/config\.json|\.kube/config|\.netrc\b|\.pgpass\b"
    r"|\.git-credentials|\.pypirc\b|\.npmrc\b|/proc/(?:self|\d+|\{|%)/?\S*"
    r"(?:environ|mem|maps|fd|root|cwd)\b|/dev/(?:mem|kmem|port)\b|wallet\.dat"
    r"|/var/run/docker\.sock|/run/docker\.sock|/var/run/secrets|\.bash_history"
)


def _open(site: Site, node: ast.Call, name: str) -> None:
    mode_node = argument(node, _OPENERS[name], "mode")
    mode = "r" if mode_node is None else site.text(mode_node)
    path = site.text(argument(node, 0, "file")) or ""
    if mode is None:
        site.report(WRITE, node, "opens a file in a mode that is made", path)
    elif set(mode) & set("wax+"):
        site.report(WRITE, node, f"opens a file to write (mode {mode!r})", path)
    else:
        site.report(READ, node, "opens a file", path)


def _os_open(site: Site, node: ast.Call, _: str) -> None:
    flags = argument(node, 1, "flags")
    named = {
        getattr(part, "attr", "") or getattr(part, "id", "")
        for part in (ast.walk(flags) if flags is not None else ())
    }
    path = site.text(argument(node, 0, "path")) or ""
    if named & set(_WRITE_FLAGS) or not named & {"O_RDONLY", "O_DIRECTORY", "O_PATH"}:
        site.report(WRITE, node, "opens a file to write (os.open)", path)
    else:
        site.report(READ, node, "opens a file (os.open)", path)


def _opened(site: Site, node: ast.Call, _: str) -> None:
    """``Path(...).open("w")``: a method, of whatever."""
    if site.dotted(node.func):
        return  # a function, whose first argument is no mode
    mode = site.text(argument(node, 0, "mode"))
    if mode and set(mode) <= set("rwaxbt+") and set(mode) & set("wax+"):
        site.report(WRITE, node, f"opens a file to write (mode {mode!r})")


def _method(site: Site, node: ast.Call, name: str) -> None:
    rule, verb = (WRITE, "changes") if name in _WRITE_METHODS else (READ, "reads")
    function = node.func
    path = ""
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Call):
        given = function.value.args
        if len(given) == 1 and "pathlib.Path" in site.dotted(function.value.func):
            path = site.text(given[0]) or ""
    site.report(rule, node, f"{verb} files by {name}", path)


def _secret(site: Site, node: ast.Constant, text: str) -> None:
    match = _SECRET.search(text)
    if match:
        site.report(SECRET, node, f"names {match[0]}", match[0])


FAMILY = Family(
    rules=(READ, WRITE, METADATA, SECRET),
    names={
        **dict.fromkeys(_WRITERS, WRITE),
        **dict.fromkeys(_METADATA, METADATA),
        **dict.fromkeys(_READERS, READ),
    },
    calls={**dict.fromkeys(_OPENERS, _open), "os.open": _os_open},
    methods={
        **dict.fromkeys((*_READ_METHODS, *_WRITE_METHODS), _method),
        "open": _opened,
    },
    texts=(TextLook(_secret, _SECRET_WORDS, most=_PATH_CHARS),),
)
