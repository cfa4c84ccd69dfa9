"""What the rivals need: packages of Debian and of the npm registry."""

import json
import os
import pathlib
import subprocess

from .machine import package_versions


def missing(packages):
    return [p for p in packages if p not in package_versions(packages)]


def install(project, packages):
    """By scripts/setup, which leaves no service running."""
    if missing(packages):
        subprocess.run([project / "scripts" / "setup", "--quiet", "--with", *packages],
                       check=True)


def npm(directory, packages):
    """The folder with node_modules, made where it is not there yet."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    wanted = json.dumps({"private": True, "dependencies": packages}, indent=1)
    file, done = directory / "package.json", directory / "node_modules" / ".package-lock.json"
    if not done.exists() or not file.exists() or file.read_text() != wanted:
        file.write_text(wanted)
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund",
                        "--ignore-scripts"], cwd=directory, check=True,
                       stdin=subprocess.DEVNULL, env={**os.environ, "CI": "1"})
    return directory
