"""Child processes: started with a log file each, stopped by pid, never left behind."""

import atexit
import grp
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time

from .waiting import PATIENCE

_running = []  # in order of start


def free_port():
    """A TCP port that the kernel had to spare on 127.0.0.1."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def as_user(name):
    """The user that a package made for its server, where we are root; else None: us."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise SystemExit(f"there is no user {name}: run scripts/setup first") from None


def give_to(user, *paths):
    if user:
        for path in paths:
            os.chown(path, user.pw_uid, user.pw_gid)


class Child:
    """A process with its log. A dead parent takes it along, even after kill -9."""

    def __init__(self, name, argv, log, env=None, user=None, cwd=None, pass_fds=()):
        self.name, self.argv, self.log = name, [str(a) for a in argv], pathlib.Path(log)
        self.env = {**os.environ, **(env or {})}
        self.user, self.cwd, self.pass_fds = user, cwd, pass_fds
        self.proc, self._frozen = None, False

    def start(self):
        assert not self.alive(), f"{self.name} runs already"
        self._frozen = False
        argv = ["setpriv", "--pdeathsig", "KILL"]
        if self.user:
            gid = grp.getgrgid(self.user.pw_gid).gr_gid
            argv += [f"--reuid={self.user.pw_uid}", f"--regid={gid}", "--clear-groups"]
        if not shutil.which(self.argv[0]):
            raise SystemExit(f"{self.argv[0]} is not installed: run scripts/setup first")
        with open(self.log, "ab") as out:
            # A session of its own: Ctrl-C reaches only us, and we stop it in order.
            self.proc = subprocess.Popen(
                argv + self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=self.env, cwd=self.cwd, start_new_session=True,
                pass_fds=self.pass_fds)
        _running.append(self)
        return self

    @property
    def pid(self):
        return self.proc.pid

    def alive(self):
        return self.proc is not None and self.proc.poll() is None

    def exit_code(self):
        return self.proc.poll()

    def send_signal(self, number):
        if self.alive():
            os.kill(self.pid, number)
            self._frozen = number == signal.SIGSTOP or self._frozen

    def kill9(self):
        self.send_signal(signal.SIGKILL)
        self.wait(10)

    def freeze(self):
        self.send_signal(signal.SIGSTOP)

    def thaw(self):
        """Only after freeze(): a leak check at exit waits for ever if one comes then."""
        if self._frozen:
            self.send_signal(signal.SIGCONT)
            self._frozen = False

    def wait(self, timeout):
        """Its exit status, or None if it still runs then."""
        try:
            code = self.proc.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            return None
        if self in _running:
            _running.remove(self)
        return code

    def stop(self, timeout=10, number=signal.SIGTERM):
        """Its exit status. After TIMEOUT seconds it is killed."""
        if self.proc is None:
            return None
        self.send_signal(number)
        self.thaw()
        code = self.wait(timeout)
        if code is None:
            self.send_signal(signal.SIGKILL)
            code = self.wait(10)
        return code

    def log_text(self, offset=0):
        try:
            with open(self.log, "rb") as f:
                f.seek(offset)
                return f.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def log_size(self):
        return self.log.stat().st_size if self.log.exists() else 0

    def tail(self, lines=40):
        return "\n".join(self.log_text().splitlines()[-lines:])

    def await_ready(self, probe, timeout=30.0):
        """Until probe() is true; a probe that raises OSError is one that is not."""
        deadline = time.monotonic() + timeout * PATIENCE
        last = None
        while time.monotonic() < deadline:
            if not self.alive():
                raise RuntimeError(f"{self.name} ended with status {self.exit_code()} "
                                   f"at its start:\n{self.tail()}")
            try:
                if probe():
                    return self
            except (OSError, EOFError, ValueError) as e:
                last = e
            time.sleep(0.02)
        raise RuntimeError(f"{self.name} is not ready after {timeout:g} s ({last}):\n"
                           f"{self.tail()}")


def stop_all():
    """Everything that still runs, the youngest first."""
    for child in reversed(list(_running)):
        child.stop(timeout=5)


def exit_on_signals():
    """SIGTERM and SIGHUP end us as Ctrl-C does, so that everything is stopped."""
    def leave(number, _frame):
        signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)


atexit.register(stop_all)
