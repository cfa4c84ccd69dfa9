"""Counts the bytes of connections by standing between their ends."""

import socket
import threading


class Relay:
    """Listens on a port of its own; each connection goes on to PORT. Both ways count."""

    def __init__(self, port):
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._lock, self._count = threading.Lock(), 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def bytes(self):
        with self._lock:
            return self._count

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                near, _address = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                return
            for pair in ((near, far), (far, near)):
                for end in pair:
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source, sink):
        try:
            while data := source.recv(65536):
                with self._lock:
                    self._count += len(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            sink.close()
