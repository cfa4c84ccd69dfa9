"""`make run`: one at a time in a directory, whatever became of the one before."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from belfry_testing import belfry
from belfry_testing.child import Child
from belfry_testing.rest import Rest

RUN = belfry.PROJECT / "scripts" / "run"


@pytest.fixture
def place():
    """To be walked through, as the servers run as users of their own."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="belfry-run-"))
    place.chmod(0o711)
    yield place
    shutil.rmtree(place, ignore_errors=True)


def variables(place):
    return {"BUILD": str(place), "TMPDIR": str(place), "SERVER": "prosody",
            "BELFRY": str(belfry.binary())}


def start(place, name):
    child = Child(name, [RUN], place / f"{name}.out", env=variables(place)).start()
    return child.await_ready(lambda: "Belfry is ready" in child.log_text(), 60)


def url(place):
    env = (place / "run" / "env").read_text()
    return dict(line.split("=", 1) for line in env.splitlines())["BELFRY_URL"]


def alive(place):
    port = int(url(place).rsplit(":", 1)[1])
    return Rest(port).get("/readyz").status == 200


def test_a_second_one_leaves_the_first_alone(place):
    first = start(place, "first")
    try:
        before = url(place)
        done = subprocess.run([RUN], env={**os.environ, **variables(place)}, text=True,
                              capture_output=True, timeout=60)
        assert done.returncode == 1 and not done.stdout
        assert f"kill {first.pid}." in done.stderr and "Traceback" not in done.stderr
        assert url(place) == before and alive(place)
        assert "listening" in (place / "run" / "serve.log").read_text()
    finally:
        first.kill9()
    # The killed one's directory is no obstacle.
    assert url(place) == before
    second = start(place, "second")
    assert url(place) != before and alive(place)
    assert second.stop(30) == 0
    assert not (place / "run" / "env").exists()
