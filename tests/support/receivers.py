"""Who receives messages in tests? A server of HTTP and one of SMTP here, which answer as they are told."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class HttpReceiver:
    """What came, and what is answered to the n-th call: a status, or None for nothing at all."""

    def __init__(self) -> None:
        self.came: list[tuple[str, dict[str, str], str]] = []
        self.answers: Callable[[int], int | None] = lambda _: 200
        self.url = ""


class SmtpReceiver:
    """What came, and the reply to the n-th message: a line of SMTP, or None for a broken connection."""

    def __init__(self) -> None:
        self.came: list[EmailMessage] = []
        self.answers: Callable[[int], str | None] = lambda _: "250 ok"
        self.to_recipients = "250 ok"
        self.port = 0


@contextmanager
def http_receiver() -> Iterator[HttpReceiver]:
    """A receiver of HTTP, while this lasts."""
    receiver = HttpReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.came.append((self.path, headers, body))
            status = receiver.answers(len(receiver.came))
            if status is None:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    with _running(server):
        yield receiver


@contextmanager
def smtp_receiver() -> Iterator[SmtpReceiver]:
    """A receiver of SMTP, while this lasts."""
    receiver = SmtpReceiver()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            self.say("220 here")
            while line := self.rfile.readline():
                word = line.split()[0].upper() if line.split() else b""
                if word == b"DATA":
                    self.say("354 go on")
                    if not self._take():
                        return
                elif word == b"RCPT":
                    self.say(receiver.to_recipients)
                elif word == b"QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

        def _take(self) -> bool:
            body = b""
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                body += line[1:] if line.startswith(b".") else line
            receiver.came.append(message_from_bytes(body, policy=default))  # type: ignore[arg-type]
            reply = receiver.answers(len(receiver.came))
            if reply is not None:
                self.say(reply)
            return reply is not None

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    with _running(server):
        yield receiver


@contextmanager
def _running(server: Any) -> Iterator[None]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
