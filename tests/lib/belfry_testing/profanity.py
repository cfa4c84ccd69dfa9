"""profanity (0.13 and 0.15) in a tmux of its own: typed to, and read from the screen."""

import re
import shutil
import subprocess

from .belfry import write_config
from .certificate import trust
from .child import Child
from .waiting import wait_until

COLUMNS, LINES = 200, 50


def version():
    """(0, 13) for 0.13.1."""
    said = subprocess.run(["profanity", "--version"], capture_output=True, text=True,
                          check=True).stdout
    return tuple(int(n) for n in re.search(r"version (\d+)\.(\d+)", said).groups())


class Profanity:
    """USER's, logged in; its console tells of each contact's presence."""

    def __init__(self, site, user):
        self.jid = site.server.add_account(user)
        self.dir = site.dir / f"profanity-{user}"
        self._configure(site, user)
        for program in ("tmux", "profanity"):
            if not shutil.which(program):
                raise SystemExit(f"{program} is not installed: run scripts/setup first")
        # tmux -D: no daemon, so it is a child like the others.
        self.socket = self.dir / "tmux"
        self.tmux = Child("tmux", ["tmux", "-S", self.socket, "-f", "/dev/null", "-D"],
                          self.dir / "tmux.log", env={
                              "HOME": str(self.dir), "TMUX": "", "TERM": "xterm",
                              "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": str(self.dir),
                              "XDG_DATA_HOME": str(self.dir)}).start()
        site.clients.append(self)
        self.tmux.await_ready(self.socket.exists)
        self._tmux("new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES),
                   "exec setpriv --pdeathsig KILL profanity --account belfry")
        self.wait_for(f"{self.jid}/profanity logged in successfully")

    def _configure(self, site, user):
        home, trusted = self.dir / "profanity", self.dir / "trusted"
        for directory in (self.dir, home, trusted):
            directory.mkdir()
        trust(trusted, site.server.cert)
        write_config(home / "profrc", {
            "connection": {"tls.certpath": trusted},
            "ui": {"roster": "false", "splash": "false", "vercheck": "false",
                   "time.console": "off", "time.chat": "off", "time.config": "off"},
            "notifications": {"statuses.console": "all"}})
        write_config(home / "accounts", {"belfry": {
            "enabled": "true", "jid": self.jid, "resource": "profanity",
            "server": "127.0.0.1", "port": site.server.c2s_port,
            "password": site.server.passwords[user], "tls.policy": "force"}})

    def _tmux(self, *args):
        return subprocess.run(["tmux", "-S", self.socket, *args], check=True, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL,
                              timeout=30).stdout

    def screen(self):
        lines = self._tmux("capture-pane", "-p").splitlines()
        return "\n".join(line.rstrip() for line in lines)

    def type(self, line):
        self._tmux("send-keys", "-l", line)
        self._tmux("send-keys", "Enter")

    def wait_for(self, pattern, timeout=20):
        """Until the screen shows the regular expression PATTERN; the match."""
        last = ""

        def look():
            nonlocal last
            last = self.screen()
            return re.search(pattern, last, re.MULTILINE)
        return wait_until(look, lambda: f"{pattern!r} is on the screen:\n{last}",
                          timeout, pause=0.05)

    def logout(self):
        try:
            self._tmux("kill-server")
        except subprocess.SubprocessError:  # it is gone already
            pass
        self.tmux.stop()
