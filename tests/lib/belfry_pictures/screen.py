"""An X server without a screen, its windows, and pictures of them."""

import os
import re
import subprocess

from belfry_testing.child import Child, as_user, give_to
from belfry_testing.waiting import wait_until


class Screen:
    """
    Xvfb, a window manager and a session bus, with all of their files in DIRECTORY. HOME
    is that of the programs shown.
    """

    def __init__(self, directory, logs, width, height):
        self.dir, self.logs, self.width, self.height = directory, logs, width, height
        # Gajim refuses root, and the session bus is for one user.
        self.user = as_user("nobody")
        self.home = self.dir / "home"
        self.children = []
        self.env = {
            "HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.dir),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.dir}/bus",
            "LC_ALL": "C.UTF-8", "TZ": "UTC", "NO_AT_BRIDGE": "1", "GDK_BACKEND": "x11",
            "QT_QPA_PLATFORM": "xcb", "WAYLAND_DISPLAY": "", "XAUTHORITY": "/dev/null"}
        for name in ("config", "data", "cache"):
            (self.home / name).mkdir(parents=True)
            self.env[f"XDG_{name.upper()}_HOME"] = str(self.home / name)
        self.dir.chmod(0o700)  # as the bus wants it
        self.give()

    def give(self):
        """What was written for them is to be theirs."""
        give_to(self.user, self.dir, *self.dir.rglob("*"))

    def __enter__(self):
        try:
            self.run("dbus", "dbus-daemon", "--session", "--nofork", "--nopidfile",
                     f"--address={self.env['DBUS_SESSION_BUS_ADDRESS']}").await_ready(
                         lambda: self.tool("gdbus", "call", "--session", "--dest",
                                           "org.freedesktop.DBus", "--object-path", "/",
                                           "--method", "org.freedesktop.DBus.GetId")
                         .returncode == 0)
            self._start_x()
            self.run("openbox", "openbox", "--sm-disable").await_ready(
                lambda: "window id" in self.said("xprop", "-root",
                                                 "_NET_SUPPORTING_WM_CHECK"))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exc):
        for child in reversed(self.children):
            child.stop()

    def _start_x(self):
        read, write = os.pipe()
        with os.fdopen(read) as number:
            try:
                self.run("Xvfb", "Xvfb", "-displayfd", str(write), "-nolisten", "tcp",
                         "-screen", "0", f"{self.width}x{self.height}x24", "-noreset",
                         "-wr", pass_fds=(write,))
            finally:
                os.close(write)
            display = number.readline().strip()
        if not display:
            raise RuntimeError(f"Xvfb did not start:\n{self.children[-1].tail()}")
        self.env["DISPLAY"] = f":{display}"

    # ---- programs ----

    def run(self, name, *argv, **more):
        """One that stays, as a child."""
        child = Child(name, argv, self.logs / f"{name}.log", env=self.env,
                      user=self.user, cwd=self.dir, **more).start()
        self.children.append(child)
        return child

    def tool(self, *argv):
        """One that ends by itself; a CompletedProcess with bytes."""
        who = {"user": self.user.pw_uid, "group": self.user.pw_gid,
               "extra_groups": []} if self.user else {}
        return subprocess.run([*map(str, argv)], capture_output=True, cwd=self.dir,
                              stdin=subprocess.DEVNULL, timeout=60,
                              env={**os.environ, **self.env}, **who)

    def said(self, *argv):
        """What a tool says; nothing where it fails (there is no such window, say)."""
        done = self.tool(*argv)
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""

    # ---- windows ----

    def xdotool(self, *args):
        return self.said("xdotool", *args)

    def windows(self):
        """{id: title} of what is to be seen."""
        ids = self.xdotool("search", "--onlyvisible", "--name", ".").split()
        return {i: self.xdotool("getwindowname", i).strip() for i in ids}

    def window(self, title, timeout=60):
        """The id of the window whose title matches the regular expression TITLE."""
        last = {}

        def look():
            last.clear()
            last.update(self.windows())
            return next((i for i, name in last.items() if re.search(title, name)), None)
        return wait_until(look, lambda: f"a window {title!r}; there are {last}", timeout,
                          pause=0.2)

    def place(self, window, x, y, width, height):
        self.xdotool("windowsize", window, width, height)
        self.xdotool("windowmove", window, x, y)
        self.xdotool("windowactivate", window)

    def click(self, window, x, y, button=1):
        """There in WINDOW, once nothing moves any more."""
        self.settle()
        self.xdotool("windowactivate", window)
        self.xdotool("mousemove", "--window", window, x, y, "click", button)
        self.settle()

    def type(self, text):
        self.xdotool("type", text)
        self.settle()

    def press(self, key):
        self.xdotool("key", key)
        self.settle()

    # ---- pictures ----

    def _import(self, *format):
        return self.tool("import", "-silent", "-window", "root", "-strip", *format).stdout

    def pixels(self):
        return self._import("-depth", "8", "rgb:-")

    def settle(self, seen=lambda pixels: True, what="the picture", timeout=60):
        """The pixels, once SEEN(pixels) holds and nothing moves but a caret."""
        last = b""

        def still():
            nonlocal last
            before, last = last, self.pixels()
            return seen(last) and same(before, last) and last
        return wait_until(still, lambda: f"{what} is there, and stands still; there are "
                          f"the windows {self.windows()}", timeout, pause=0.2)

    def changed(self, action, what):
        """Does ACTION(), and waits until that is to be seen."""
        before = self.settle()
        action()
        self.settle(lambda pixels: not same(before, pixels), what)

    def picture(self, path):
        self.settle()
        path.write_bytes(self._import("-define", "png:exclude-chunk=tIME", "png:-"))


def same(a, b):
    """Whether two pictures differ in no more than a caret."""
    if len(a) != len(b) or not a:
        return False
    step = 3 * 64
    return sum(a[i:i + step] != b[i:i + step] for i in range(0, len(a), step)) < 64
