"""A tiny Bot API on a loopback port: answers as told, and keeps what it was sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class BotApi:
    """What the server answers next, and what it has been asked."""

    def __init__(self) -> None:
        self.status = 200
        self.body: bytes = b'{"ok": true, "result": {}}'
        self.headers: dict[str, str] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.base = ""
        self.hang = threading.Event()
        self.hangs = False

    def refuse(self, status: int, description: str, **parameters: object) -> None:
        """Answer every request with this error, in Telegram's own form."""
        self.status = status
        answer = {"ok": False, "error_code": status, "description": description}
        if parameters:
            answer["parameters"] = parameters
        self.body = json.dumps(answer).encode()


@contextmanager
def bot_api() -> Iterator[BotApi]:
    """A server for the length of the block."""
    api = BotApi()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            api.requests.append((self.path, json.loads(self.rfile.read(length))))
            if api.hangs:
                api.hang.wait(timeout=30)
                return
            self.send_response(api.status)
            for name, value in api.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(api.body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        api.hang.set()
        server.shutdown()
        thread.join()
        server.server_close()
