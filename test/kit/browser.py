"""Debian's chromium without a screen, spoken to over a pipe (the DevTools protocol): a page as people see it.

It keeps a profile of its own that is thrown away, and is started so that it asks nobody for anything.
"""

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from kit.wait import PATIENCE

PROGRAMS = ("chromium-headless-shell", "chromium")
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-default-apps", "--hide-scrollbars",
         "--mute-audio", "--disable-dev-shm-usage", "--no-proxy-server"]


def program():
    for name in PROGRAMS:
        path = shutil.which(name)
        if path:
            return path
    raise AssertionError(f"none of {', '.join(PROGRAMS)} is installed; docker/packages.test has it")


class Browser:
    """with Browser() as browser: page = browser.page(); page.open(...)"""

    def __init__(self):
        self._profile = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        argv = [program(), *QUIET, f"--user-data-dir={self._profile.name}", "--remote-debugging-pipe", "about:blank"]
        # The browser reads commands at 3 and answers at 4.
        self._child = subprocess.Popen(["/bin/bash", "-c", f'exec "$@" 3<&{to_read} 4>&{to_write}', "bash", *argv],
                                       pass_fds=(to_read, to_write), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(to_read)
        os.close(to_write)
        self._read = b""
        self._number = 0
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._to)
        try:
            self._child.wait(5 * PATIENCE)
        except subprocess.TimeoutExpired:
            pass
        try:  # the helpers that it started, too: its session is its own
            os.killpg(self._child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._child.wait()
        os.close(self._from)
        self._profile.cleanup()

    def _message(self, end):
        while b"\0" not in self._read:
            if not select.select([self._from], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError("the browser does not answer")
            piece = os.read(self._from, 1 << 20)
            if not piece:
                raise AssertionError(f"the browser has ended: {self._child.wait()}")
            self._read += piece
        message, self._read = self._read.split(b"\0", 1)
        return json.loads(message)

    def ask(self, method, session=None, timeout=30, **parameters):
        """Sends a command and returns its result; what happens meanwhile goes into events."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        os.write(self._to, json.dumps(command).encode() + b"\0")
        end = time.monotonic() + timeout * PATIENCE
        while True:
            message = self._message(end)
            if message.get("id") == self._number:
                if "error" in message:
                    raise AssertionError(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def wait_event(self, method, session, timeout=30):
        end = time.monotonic() + timeout * PATIENCE
        while not any(one.get("method") == method and one.get("sessionId") == session for one in self.events):
            self.events.append(self._message(end))

    def page(self, width=1280, height=900, dark=False, scale=1, media="screen"):
        """A new page of this size and colour scheme."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, target, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.ask(f"{domain}.enable")
        page.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)
        page.ask("Emulation.setEmulatedMedia", media=media,
                 features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        return page


class Page:
    def __init__(self, browser, target, session):
        self._browser, self._target, self._session = browser, target, session

    def ask(self, method, **parameters):
        return self._browser.ask(method, session=self._session, **parameters)

    def _events(self, method):
        return [one["params"] for one in self._browser.events
                if one.get("sessionId") == self._session and one.get("method") == method]

    def open(self, url):
        """Returns when it is loaded; a path is a file."""
        address = url.resolve().as_uri() if isinstance(url, Path) else url
        answer = self.ask("Page.navigate", url=address)
        assert "errorText" not in answer, answer
        self._browser.wait_event("Page.loadEventFired", self._session)
        return self

    def run(self, script):
        """The value of a JavaScript expression."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def requests(self):
        """Every URL that was asked for, the page's own included."""
        return [one["request"]["url"] for one in self._events("Network.requestWillBeSent")]

    def complaints(self):
        """What the console would show in red or yellow."""
        said = [one["entry"]["text"] for one in self._events("Log.entryAdded") if one["entry"]["level"] in ("error", "warning")]
        said += [str(one["args"]) for one in self._events("Runtime.consoleAPICalled") if one["type"] in ("error", "warning", "assert")]
        return said + [str(one["exceptionDetails"]) for one in self._events("Runtime.exceptionThrown")]

    def screenshot(self, path, whole=True):
        picture = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole,
                           **({"clip": self._clip()} if whole else {}))
        Path(path).write_bytes(base64.b64decode(picture["data"]))

    def _clip(self):
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}

    def close(self):
        self._browser.ask("Target.closeTarget", targetId=self._target)
