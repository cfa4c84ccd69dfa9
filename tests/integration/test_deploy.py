"""What stands in deploy/ works as it is."""

import re
import shutil
import subprocess

import pytest
from belfry_testing import belfry
from belfry_testing.child import free_port
from belfry_testing.redis import PrivateRedis

DEPLOY = belfry.PROJECT / "deploy"


def test_the_example_configuration_loads(tmp_path):
    """With the secret where it says, `belfry check` has nothing against the file."""
    secret = tmp_path / "secret"
    secret.write_text("CHANGE-ME\n")
    secret.chmod(0o600)
    text = (DEPLOY / "belfry.ini").read_text()
    text = text.replace("/etc/belfry/xmpp.secret", str(secret))
    for port in ("6379", "5347"):
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
    ini = tmp_path / "belfry.ini"
    ini.write_text(text)
    done = belfry.run(ini, "check")
    said = done.stdout + done.stderr
    assert "belfry.ini" not in said.replace(str(ini), "") or "unknown" not in said
    # It got as far as trying Redis and the XMPP server, which are not there.
    assert done.returncode == 1 and "redis" in said.lower() and "xmpp" in said.lower()
    assert not re.search(r"belfry\.ini:\d+:", said), said


def test_the_redis_lines_are_what_check_wants(site, tmp_path):
    redis = PrivateRedis(tmp_path / "redis", tmp_path / "redis.log")
    conf = tmp_path / "redis" / "redis.conf"
    conf.write_text((DEPLOY / "redis.conf").read_text()
                    + f"\nbind 127.0.0.1\nport {redis.port}\ndir {tmp_path / 'redis'}\n")
    redis.start()
    try:
        config = site.write_config("deploy.ini", redis={"url": redis.url})
        done = belfry.run(config, "check")
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        redis.stop()


@pytest.mark.parametrize("name", ["serve", "work"])
def test_the_units_are_valid(name, tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    unit = tmp_path / f"belfry-{name}.service"
    unit.write_text((DEPLOY / unit.name).read_text().replace(
        "/usr/local/bin/belfry", str(belfry.binary())))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True,
                          text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
