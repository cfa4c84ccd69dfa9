"""A Redis of one's own, durable as Belfry wants it."""

import pathlib
import socket

from .child import Child, free_port


class RedisError(Exception):
    pass


def _encode(args):
    out = [b"*%d\r\n" % len(args)]
    for a in args:
        a = a if isinstance(a, bytes) else str(a).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(a), a))
    return b"".join(out)


def _decode(f):
    line = f.readline()
    if not line.endswith(b"\r\n"):
        raise EOFError("Redis closed the connection")
    kind, rest = line[:1], line[1:-2]
    if kind == b"+":
        return rest.decode()
    if kind == b"-":
        return RedisError(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"$":
        n = int(rest)
        return None if n < 0 else f.read(n + 2)[:-2].decode("utf-8", "replace")
    if kind == b"*":
        n = int(rest)
        return None if n < 0 else [_decode(f) for _ in range(n)]
    raise ValueError(f"not RESP: {line!r}")


def ask(port, *command, password=None, timeout=5.0):
    """The answer to one command, on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), timeout) as s:
        f = s.makefile("rb")
        if password:
            s.sendall(_encode(["AUTH", password]))
            _decode(f)
        s.sendall(_encode(command))
        answer = _decode(f)
    if isinstance(answer, RedisError):
        raise answer
    return answer


class PrivateRedis:
    """MORE: further lines of its configuration."""

    def __init__(self, directory, log, persistent=True, password=None, more=""):
        self.password = password
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        conf = self.dir / "redis.conf"
        conf.write_text(f"bind 127.0.0.1\nport {self.port}\ndir {self.dir}\n" + (
            "appendonly yes\nappendfsync always\n" if persistent else "appendonly no\n") +
            'save ""\n'
            "hash-max-listpack-entries 256\nhash-max-listpack-value 256\n"
            "maxmemory-policy noeviction\n"
            + (f"requirepass {password}\n" if password else "") + more)
        self.child = Child("redis", ["redis-server", conf], log)

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        self.child.start().await_ready(self._answers)
        return self

    def _answers(self):
        try:
            return self("PING") == "PONG"
        except RedisError:  # LOADING
            return False

    def __call__(self, *command, timeout=5.0):
        return ask(self.port, *command, password=self.password, timeout=timeout)

    def restart(self, kill=False):
        if kill:
            self.child.kill9()
        else:
            self.child.stop()
        self.start()

    def stop(self):
        return self.child.stop()
