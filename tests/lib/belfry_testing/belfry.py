"""Belfry's programs as children: configuration, start, ports, tokens, a clean stop."""

import os
import pathlib
import re
import subprocess

from .child import Child
from .rest import Rest
from .waiting import PATIENCE

PROJECT = pathlib.Path(__file__).resolve().parents[3]


def binary():
    path = pathlib.Path(os.environ.get("BELFRY", PROJECT / "build" / "belfry")).resolve()
    if not path.exists():
        raise SystemExit(f"{path} is not there: run make first")
    return path


def clean_env():
    """The environment without settings that would reach the programs."""
    return {k: v for k, v in os.environ.items() if not k.startswith("BELFRY_")}


def write_config(path, sections):
    """An INI file; its keys with the value None are left out."""
    lines = []
    for section, keys in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{k} = {v}" for k, v in keys.items() if v is not None]
        lines.append("")
    path = pathlib.Path(path)
    path.write_text("\n".join(lines))
    path.chmod(0o600)
    return path


def run(config, *args, env=None, timeout=30, input=None):
    """`belfry ARGS` until it ends; a CompletedProcess with text."""
    return subprocess.run(
        [str(binary()), *args], text=True, capture_output=True, input=input,
        env={**clean_env(), **({"BELFRY_CONFIG": str(config)} if config else {}),
             **(env or {})}, timeout=timeout * PATIENCE)


def create_token(config, scopes="admin", feeds="*"):
    done = run(config, "token", "create", "--scope", scopes, "--feeds", feeds)
    found = re.search(r"belfry_[0-9a-f]{12}_[0-9A-Za-z_-]{43}", done.stdout)
    if done.returncode != 0 or not found:
        raise RuntimeError(f"belfry token create: {done.stdout}{done.stderr}")
    return found.group(0)


class Program(Child):
    """`belfry serve` or `belfry work`."""

    def __init__(self, command, config, log, name=None, env=None):
        super().__init__(name or command, [binary(), command], log)
        self.env = {**clean_env(), "BELFRY_CONFIG": str(config), **(env or {})}
        self.port, self._from = None, 0

    def start(self, ready=True):
        self._from = self.log_size()
        self.port = None
        super().start()
        self.await_ready(self._listening)
        if ready:
            self.await_ready(lambda: self.rest().get("/readyz").status == 200)
        return self

    def _listening(self):
        for line in self.log_text(self._from).splitlines():
            if "msg=listening" in line:
                self.port = int(re.search(r"\bport=(\d+)", line).group(1))
                return self.rest().get("/livez").status == 200
        return False

    def this_log(self):
        """What it wrote since its last start."""
        return self.log_text(self._from)

    def rest(self, token=None):
        return Rest(self.port, token)

    def ready(self):
        try:
            return self.rest().get("/readyz").status == 200
        except OSError:
            return False

    def holds_link(self):
        """For a worker: it is the one that sends, and its link is up."""
        try:
            state = self.rest().get("/readyz").json
        except (OSError, ValueError):
            return False
        return state.get("role") == "owner" and state.get("xmpp") == "up"

    def metrics(self):
        return self.rest().metrics()
