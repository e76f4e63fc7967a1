"""The address book that comes with Handeye: its page served from here, and what was sent with it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from app.show import printable
from tools.geometry import Size

PAGE = Path(__file__).parent / "demo" / "address_book.html"
VIEW = Size(300, 240)  # CSS pixels; tiny reads best when the page is small and drawn enlarged
MAX_STEPS = 20
MAX_BODY = 10_000  # bytes
TO, TEXT = "Anna Berg", "Lunch at two"
TASK = f'Search for "Anna", then click on "{TO}", type "{TEXT}" into "Message" and press "Send".'


@dataclass
class AddressBook:
    """The page's server and what was sent with it, as (to, text)."""

    url: str
    sent: list[tuple[str, str]] = field(default_factory=list)


def is_done(sent: list[tuple[str, str]]) -> bool:
    return sent == [(TO, TEXT)]


def verdict(sent: list[tuple[str, str]]) -> str:
    """What the address book itself knows, whatever the model says."""
    messages = "; ".join(f"{printable(text)!r} to {printable(to)}" for to, text in sent)
    return f"the address book received {messages or 'no message'}"


@contextmanager
def serve() -> Iterator[AddressBook]:
    """The address book on a free port, for this machine only."""
    book = AddressBook("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/":
                return self.send_error(404)
            page = PAGE.read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def do_POST(self) -> None:
            try:
                size = int(self.headers.get("Content-Length", ""))
                message = json.loads(self.rfile.read(min(size, MAX_BODY)))
                book.sent.append((str(message["to"]), str(message["text"])))
            except (ValueError, TypeError, KeyError):
                return self.send_error(400)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *parts: object) -> None:
            """Nothing: the terminal shows the steps."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        book.url = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield book
        finally:
            server.shutdown()
