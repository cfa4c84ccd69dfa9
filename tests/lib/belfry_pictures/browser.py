"""Chromium without a window, driven over two pipes by its DevTools protocol."""

import base64
import itertools
import json
import os
import select
import time

from belfry_testing.child import Child
from belfry_testing.waiting import PATIENCE, wait_until


class Browser:
    """One page of WIDTH x HEIGHT; its profile is in DIRECTORY."""

    def __init__(self, directory, log, width=1280, height=720):
        directory.mkdir()
        self._numbers, self._rest, self.said = itertools.count(1), b"", []
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        # The protocol is on the descriptors 3 and 4.
        pipes = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        argv = ["bash", "-c", pipes, "bash", "chromium", "--headless=new",
                "--remote-debugging-pipe", f"--user-data-dir={directory}",
                f"--window-size={width},{height}", "--hide-scrollbars", "--no-first-run",
                "--disable-gpu", "--disable-dev-shm-usage", "--lang=en",
                "--force-color-profile=srgb", "--disable-background-networking",
                "--disable-component-update"]
        if os.geteuid() == 0:  # Chromium's sandbox refuses root
            argv.append("--no-sandbox")
        self.child = Child("chromium", argv, log, env={"HOME": str(directory)},
                           pass_fds=(theirs_in, theirs_out))
        try:
            self.child.start()
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        self._session = None
        page = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=page,
                                  flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Runtime.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)

    def call(self, method, timeout=60, **params):
        """The result of one method."""
        message = {"id": next(self._numbers), "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + timeout * PATIENCE
        while True:
            answer = self._read(deadline, method)
            if answer.get("id") == message["id"]:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            if answer.get("method") in ("Runtime.consoleAPICalled",
                                        "Runtime.exceptionThrown"):
                self.said.append(" ".join(str(a.get("value", "")) for a in
                                          answer["params"].get("args", ()))[:300] or
                                 json.dumps(answer["params"])[:300])

    def _read(self, deadline, method):
        while b"\0" not in self._rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._in], [], [], left)[0]:
                raise RuntimeError(f"Chromium did not answer {method}")
            more = os.read(self._in, 1 << 20)
            if not more:
                raise RuntimeError(f"Chromium ended:\n{self.child.tail()}")
            self._rest += more
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    def open(self, url):
        self.call("Page.navigate", url=url)

    def run(self, script):
        """What the JavaScript expression is, promises awaited."""
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                         awaitPromise=True)
        if "exceptionDetails" in done:
            raise RuntimeError(f"{script}: {done['exceptionDetails']}")
        return done["result"].get("value")

    def wait_for(self, script, what=None, timeout=60):
        """Until the expression is true."""
        def said():
            return "\n".join([f"{what or script}; the page said:", *self.said[-15:]])
        return wait_until(lambda: self.run(script), said, timeout, pause=0.1)

    def click(self, selector):
        """With the mouse, amid what SELECTOR finds, once it stands still."""
        find = f"document.querySelector({json.dumps(selector)})"
        self.wait_for(f"!!{find}", f"{selector} is there")
        self.run(f"{find}.scrollIntoView({{block: 'center'}})")
        place = None

        def still():
            nonlocal place
            before = place
            place = self.run(f"(r => [r.x + r.width / 2, r.y + r.height / 2])"
                             f"({find}.getBoundingClientRect())")
            return place == before
        wait_until(still, f"{selector} stands still", pause=0.1)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1],
                      button="left", clickCount=1)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def press_enter(self):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter",
                      windowsVirtualKeyCode=13, text="\r" if kind == "keyDown" else "")

    def picture(self, path):
        """Once two of them are the same: dialogs fade in."""
        last = None

        def still():
            nonlocal last
            before = last
            last = self.call("Page.captureScreenshot", format="png")["data"]
            return before == last
        wait_until(still, "the page stands still", pause=0.2)
        path.write_bytes(base64.b64decode(last))

    def stop(self):
        self.child.stop()
        os.close(self._in)
        os.close(self._out)
