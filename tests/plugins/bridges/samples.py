"""What foreign plugins are shown: small, and with something in it for most of them."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["SAMPLES"]

_STYLE = '''\
"""What linters like to look at."""
import os
import subprocess
import logging
import yaml
from datetime import datetime
from typing import List


def Shout(list, x=[], loud: bool = True) -> List[str]:
    # print(x)
    # TODO make it louder
    # FIXME: and clearer
    print("loud " , 'and clear')
    print("a %s" % x, "b {}".format(x), "c {} {1}".format(x), "d" "e")
    breakpoint()
    subprocess.call("ls " + x, shell=True)
    assert x
    password = "hunter2"
    yaml.load(x)
    when = datetime.utcnow()
    pattern = "\\d"  # what follows is longer than the 79 characters of a line \x20
    found = dict([(i, i) for i in x])
    logging.warn("x %s" % x)
    os.path.join("a", x)
    x._private()
    _(f"hello {x}")
    try:
        raise ValueError(f"no {x}")
    except Exception:
        raise RuntimeError
    if x:
        return True
    else:
        return False


def deep(a):
    for b in a:
        if b:
            for c in b:
                if c:
                    while c:
                        if a and b and c: return eval(
                            c,
                            a
                        )


async def wait(timeout):
    import time
    time.sleep(1)


def test_it(one, two, three, four, five, six, seven):
    assert one == 1 and two == 2
'''

_RISKS = """\
import asyncio, hashlib, jinja2, logging.config, os, paramiko, pickle, requests, ssl
import socket, subprocess, tarfile, telnetlib, tempfile, torch, yaml
from Crypto.PublicKey import RSA
from django.contrib.auth.models import User
from django.db.models.expressions import RawSQL
from django.utils.safestring import mark_safe
from flask import Flask
from huggingface_hub import snapshot_download
from mako.template import Template
from markupsafe import Markup
from pysnmp.hlapi import CommunityData, UsmUserData

assert os
exec("x = 1")
os.chmod("/etc/file", 0o777)
socket.socket().bind(("0.0.0.0", 80))
password = "hunter2"
login(password="hunter2")
def log_in(password="hunter2"): pass
open("/tmp/file")
try:
    pass
except Exception:
    pass
for each in ():
    try:
        pass
    except Exception:
        continue
Flask("x").run(debug=True)
requests.get("https://x", verify=False)
tarfile.open("x").extractall()
hashlib.md5(b"x")
ssl.wrap_socket(ssl_version=ssl.PROTOCOL_SSLv2)
ssl.wrap_socket()
def old(version=ssl.PROTOCOL_SSLv2): pass
RSA.generate(512)
yaml.load("x")
CommunityData("public", mpModel=0)
UsmUserData("name")
paramiko.SSHClient().set_missing_host_key_policy(paramiko.AutoAddPolicy)
paramiko.SSHClient().exec_command("ls")
subprocess.Popen("ls " + each, shell=True)
subprocess.Popen(["/bin/ls", each])
strange("ls", shell=True)
os.system("ls " + each)
os.spawnl(os.P_WAIT, "/bin/ls")
subprocess.Popen(["ls"])
subprocess.Popen("/bin/chown * x", shell=True)
logging.config.listen(9999)
query = "select * from x where y = " + each
User.objects.filter().extra(select={"x": "%secure" % each}, where=[each], tables=[each])
RawSQL("select " + each, ())
mark_safe(each)
jinja2.Environment(autoescape=False)
Template("x")
Markup(f"x {each}")
torch.load("x")
snapshot_download("x")
pickle.loads(b"x")
# trojan \u202e
"""

_PAGE = """\
Title: A page
Author: Somebody

# Heading

[TOC]

> NOTE: called out

> [!NOTE] Called out otherwise
> with a text

| a | b |
|---|---|
| 1 | 2 |

Term
:   What it means, as HTML is [^1] not.

*[HTML]: a language

[^1]: A footnote.

```python
x = 1
```

!!! note
    Admonished. [[WikiWord]]
"""

SAMPLES: Mapping[str, Mapping[str, str]] = {
    "flake8": {"sample.py": _STYLE},
    "bandit": {"sample.py": _RISKS},
    "babel": {
        "sample.py": "print(_('hello'))\n",
        "sample.po": 'msgid "a %(x)s"\nmsgstr "b %(y)s"\n',
    },
    "markdown": {"sample.md": _PAGE},
    "mkdocs": {"sample.md": _PAGE},
    "pygments": {"sample.txt": "query { a }\n"},
    "llm": {},
}
"""The files for each ecosystem, by path."""
