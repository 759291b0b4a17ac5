"""A mail server to test against: it takes what RFC 5321 says it must, keeps it, and fails as a test tells it to."""

from __future__ import annotations

import socketserver
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage


class MailSink:
    """Keeps every message it took."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.fault = ""
        """`drop after`, `drop before` or a line such as `554 no`, once, in answer to the message."""
        self.refused: set[str] = set()
        """Addresses that are not taken."""
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        """Return where it listens."""
        return self._server.server_address[1]

    def stop(self) -> None:
        """Stop answering; the port is closed from then on."""
        self._server.shutdown()
        self._server.server_close()


def _handler(sink: MailSink) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            to: list[str] = []
            self._say("220 sink")
            while line := self.rfile.readline().decode().strip():
                verb = line.split(":")[0].split(" ")[0].upper()
                if verb == "RCPT":
                    address = line.split("<")[1].split(">")[0]
                    if address in sink.refused:
                        self._say("550 no such user")
                        continue
                    to.append(address)
                if verb == "DATA" and self._take(to):
                    continue
                if verb in ("DATA", "QUIT"):
                    break
                self._say("250 ok")

        def _take(self, to: list[str]) -> bool:
            """Read the message and answer it; return whether the connection stays."""
            self._say("354 go ahead")
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line[1:] if line.startswith(b"..") else line)
            fault, sink.fault = sink.fault, ""
            if fault in ("", "drop after"):
                sink.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))
                sink.recipients.append(list(to))
            if fault.startswith("drop"):
                return False
            self._say(fault or "250 taken")
            return True

        def _say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    return Handler
