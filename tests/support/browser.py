"""Headless Chromium over its DevTools pipe: load a page, look at it, ask it.

The browser reads commands from its file descriptor 3 and answers on 4, as JSON
ended by a NUL byte, so nothing listens on a port. Each `Browser` has a profile of
its own and leaves nothing behind.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["CONTRAST", "Browser", "chromium"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)

CONTRAST = """
(() => {
  const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = e => {
    for (let n = e; n; n = n.parentElement) {
      const c = parse(getComputedStyle(n).backgroundColor);
      if (c.length && (c.length < 4 || c[3] > 0)) return c;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const e of document.querySelectorAll("body *:not(svg *)")) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || !e.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${e.className} ${e.textContent.slice(0, 30)}`);
  }
  return found;
})()
"""
"""A JavaScript expression: the texts whose contrast is below 4.5 (WCAG 2, AA)."""

_KEYS = {
    "Tab": ("Tab", 9, ""),
    "Enter": ("Enter", 13, "\r"),
    "Escape": ("Escape", 27, ""),
    "Space": (" ", 32, " "),
    "/": ("/", 191, "/"),
}
"""A key's name, code and text."""


def chromium() -> str | None:
    """The path of a Chromium, or None."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


class Browser:
    """One page of a headless browser; a context manager.

    `console` holds errors and messages of the page, `requests` each address that
    it asked for, `blocked` each violation of its Content-Security-Policy.
    """

    def __init__(self, program: str) -> None:
        self.console: list[str] = []
        self.requests: list[str] = []
        self.blocked: list[str] = []
        self._profile = tempfile.mkdtemp(prefix="lockgate-browser-")
        self._id = 0
        self._rest = b""
        down_read, self._down = os.pipe()
        self._up, up_write = os.pipe()

        def wire() -> None:  # in the child: the pipe's ends become 3 and 4
            os.dup2(down_read, 13)
            os.dup2(up_write, 14)
            os.dup2(13, 3)
            os.dup2(14, 4)

        self._process = subprocess.Popen(
            [program, *_FLAGS, f"--user-data-dir={self._profile}", "about:blank"],
            preexec_fn=wire,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(down_read)
        os.close(up_write)
        self._session = ""

    def __enter__(self) -> Self:
        targets = self.send("Target.getTargets")["targetInfos"]
        page = next(t["targetId"] for t in targets if t["type"] == "page")
        attached = self.send("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "Audits"):
            self.send(f"{domain}.enable")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._down)
        os.close(self._up)
        shutil.rmtree(self._profile, ignore_errors=True)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the browser and wait for the answer."""
        self._id += 1
        message: dict[str, Any] = {"id": self._id, "method": method}
        message["params"] = parameters
        if self._session:
            message["sessionId"] = self._session
        os.write(self._down, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read(60)
            if answer.get("id") == self._id:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer.get("result", {})
                return result
            self._note(answer)

    def _read(self, seconds: float) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while b"\0" not in self._rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._up], [], [], left)[0]:
                raise TimeoutError(f"the browser said nothing for {seconds} s")
            chunk = os.read(self._up, 1 << 20)
            if not chunk:
                raise RuntimeError("the browser died")
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _note(self, event: dict[str, Any]) -> None:
        method, parameters = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.console.append(str(parameters["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.console.append(str(parameters["args"]))
        elif method == "Log.entryAdded":
            self.console.append(str(parameters["entry"]))
        elif method == "Audits.issueAdded":
            self.blocked.append(str(parameters["issue"]))

    def size(
        self, width: int, height: int, *, scale: float = 1, dark: bool = False
    ) -> None:
        """Be a screen of that size, in the light or dark scheme."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, path: Path) -> None:
        """Load a local page and wait until it is complete."""
        self.visit(path.resolve().as_uri())

    def visit(self, url: str) -> None:
        """Load the page at an address and wait until it is complete."""
        self.send("Page.navigate", url=url)
        self.settle("")

    def settle(self, place: str) -> None:
        """Wait until the page is complete, and its address holds `place`."""
        here = f"location.href.includes({json.dumps(place)})"
        self.until(f"document.readyState === 'complete' && {here}")

    def until(self, expression: str) -> None:
        """Wait until a JavaScript expression is true."""
        end = time.monotonic() + 60
        while not self.ask(expression):
            if time.monotonic() > end:
                raise TimeoutError(f"never true: {expression}")
            time.sleep(0.02)

    def script(self, allowed: bool) -> None:
        """Let pages that are loaded from now on run scripts, or not."""
        self.send("Emulation.setScriptExecutionDisabled", value=not allowed)

    def key(self, name: str) -> None:
        """Press and release a key."""
        key, code, text = _KEYS[name]
        how: dict[str, Any] = {
            "key": key,
            "code": name,
            "windowsVirtualKeyCode": code,
            "text": text,
        }
        self.send("Input.dispatchKeyEvent", type="keyDown", **how)
        self.send("Input.dispatchKeyEvent", type="keyUp", **how)

    def wait(self, expression: str) -> Any:
        """The value of the promise that a JavaScript expression gives."""
        answer = self.send(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
            userGesture=True,
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def screenshot(self, path: Path, *, selector: str = "") -> None:
        """Write a picture of the page, or of one element of it, as PNG."""
        options: dict[str, Any] = {"format": "png", "captureBeyondViewport": True}
        if selector:
            box = (
                f"(() => {{const b = document.querySelector({json.dumps(selector)})"
                ".getBoundingClientRect(); return {x: b.x + scrollX, y: b.y + scrollY,"
                " width: b.width, height: b.height, scale: 1}})()"
            )
            options["clip"] = self.ask(box)
        data = self.send("Page.captureScreenshot", **options)["data"]
        path.write_bytes(base64.b64decode(data))
