"""A master with its replicas, and Sentinels that watch them; and some that do not."""

import pathlib
import socket
import threading

from .child import Child, free_port
from .redis import PrivateRedis, RedisError, ask
from .waiting import wait_until

NAME = "belfry-test"
DOWN_MS = 3000  # a master that is silent for so long is down; a slow disk is not


class PrivateSentinel:
    def __init__(self, directory, log, master, quorum, password=None):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.port, self.password = free_port(), password
        self.conf = self.dir / "sentinel.conf"
        self.conf.write_text(
            f"bind 127.0.0.1\nport {self.port}\ndir {self.dir}\n"
            f"sentinel monitor {NAME} 127.0.0.1 {master.port} {quorum}\n"
            f"sentinel down-after-milliseconds {NAME} {DOWN_MS}\n"
            f"sentinel failover-timeout {NAME} 6000\n"
            + (f"sentinel auth-pass {NAME} {master.password}\n" if master.password else "")
            + (f"requirepass {password}\nsentinel sentinel-pass {password}\n"
               if password else ""))
        self.child = Child(self.dir.name, ["redis-server", self.conf, "--sentinel"], log)

    def start(self):
        self.child.start().await_ready(lambda: self("PING") == "PONG")
        return self

    def __call__(self, *command):
        return ask(self.port, *command, password=self.password)

    def master_port(self):
        return int(self("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)[1])


class SentinelGroup:
    """What a Site takes for its Redis: started and stopped as a whole."""

    def __init__(self, directory, log, replicas=2, sentinels=3, password=None,
                 sentinel_password=None):
        directory, log = pathlib.Path(directory), pathlib.Path(log)

        def path(name):
            return directory / name, log.with_name(f"{name}.log")

        auth = f"masterauth {password}\n" if password else ""
        auth += "repl-diskless-sync-delay 0\n"
        master = PrivateRedis(*path("redis1"), password=password, more=auth)
        self.servers = [master]
        for n in range(replicas):
            self.servers.append(PrivateRedis(
                *path(f"redis{n + 2}"), password=password,
                more=f"{auth}replicaof 127.0.0.1 {master.port}\n"))
        self.sentinels = [
            PrivateSentinel(*path(f"sentinel{n + 1}"), master, sentinels // 2 + 1,
                            sentinel_password) for n in range(sentinels)]

    def start(self):
        for server in self.servers:
            server.start()
        wait_until(self.in_step, "the replicas are in step", 30)
        for sentinel in self.sentinels:
            sentinel.start()
        wait_until(self.ready_to_fail_over, "the Sentinels know one another", 60)
        return self

    def stop(self):
        for part in [*self.sentinels, *reversed(self.servers)]:
            part.child.stop()

    @property
    def child(self):
        return self.master.child

    @property
    def url(self):
        return self.url_of(s.port for s in self.sentinels)

    @staticmethod
    def url_of(ports):
        """With these for its Sentinels."""
        return "redis+sentinel://" + ",".join(f"127.0.0.1:{p}" for p in ports) + f"/{NAME}"

    def __call__(self, *command):
        return self.master(*command)

    @property
    def master(self):
        """The one whom the Sentinels that run name."""
        votes = [s.master_port() for s in self.sentinels if s.child.alive()]
        port = max(votes, key=votes.count, default=self.servers[0].port)
        return next(s for s in self.servers if s.port == port)

    def in_step(self):
        alive = [s for s in self.servers if s.child.alive()]
        try:
            roles = [s("ROLE") for s in alive]
        except (OSError, EOFError, RedisError):
            return False
        replicas = [r for r in roles if r[0] == "slave" and r[3] == "connected"]
        masters = [r for r in roles if r[0] == "master" and len(r[2]) == len(replicas)]
        return len(masters) == 1 and len(replicas) == len(alive) - 1

    def ready_to_fail_over(self):
        for sentinel in self.sentinels:
            state = sentinel("SENTINEL", "MASTER", NAME)
            state = dict(zip(state[::2], state[1::2]))
            if (int(state["num-slaves"]) < len(self.servers) - 1
                    or int(state["num-other-sentinels"]) < len(self.sentinels) - 1
                    or state["flags"] != "master"):
                return False
            for replica in sentinel("SENTINEL", "REPLICAS", NAME):
                replica = dict(zip(replica[::2], replica[1::2]))
                if replica["flags"] != "slave" or replica["master-link-status"] != "ok":
                    return False
        return True

    def await_failover(self, old, timeout=60):
        """The new master, once all Sentinels that run name it and it is one."""
        def new():
            ports = {s.master_port() for s in self.sentinels if s.child.alive()}
            master = self.master
            if ports != {master.port} or master is old:
                return None
            try:
                return master("ROLE")[0] == "master" and master
            except OSError:
                return None
        return wait_until(new, "there is another master", timeout)


class FalseSentinel:
    """Listens where a Sentinel might; ANSWER: what it says to whatever is asked, or None."""

    def __init__(self, answer):
        self.answer, self.asked, self.connections = answer, 0, []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @staticmethod
    def naming(port, host="127.0.0.1"):
        """The answer of one that names this as the master's."""
        words = b"".join(b"$%d\r\n%s\r\n" % (len(word), word)
                         for word in (host.encode(), str(port).encode()))
        return b"*2\r\n" + words + b"+OK\r\n"

    def _accept(self):
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                while connection.recv(65536):
                    self.asked += 1
                    if self.answer is not None:
                        connection.sendall(self.answer)
            except OSError:
                pass

    def close(self):
        for one in [self.server, *self.connections]:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.server.close()
