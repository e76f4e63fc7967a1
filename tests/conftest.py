"""Shared fixtures: the data folder, a site to browse, a real browser."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.model_server import Running
from tools.actions import Goto
from tools.browser import Browser
from tools.geometry import Size

collect_ignore_glob = [] if sys.platform == "linux" else ["test_*desktop*.py"]  # they need an X server's library
SHARED = Path(__file__).parents[2] / "shared"

if "PYTEST_XDIST_WORKER" in os.environ:  # there are as many workers as cores: no more than one thread for each
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared example data, which not every checkout has."""
    if not (SHARED / "data").is_dir():
        pytest.skip("needs the shared data folder")
    return SHARED


@dataclass
class Site:
    """A web server on this machine: `pages` holds what each path answers."""

    address: str
    pages: dict[str, bytes | str] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)  # beside a page's own
    moved: dict[str, str] = field(default_factory=dict)  # where a path redirects to
    held: dict[str, float] = field(default_factory=dict)  # seconds before a path answers
    asked: list[str] = field(default_factory=list)  # paths, in order
    ended: threading.Event = field(default_factory=threading.Event)

    def at(self, path: str) -> str:
        return self.address + path

    def put(self, path: str, body: str) -> str:
        """A page of this body; its address."""
        self.pages[path] = f"<!doctype html><meta charset=utf-8><title>{path[1:]}</title><body>{body}"
        return self.at(path)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as here:
        yield here


@pytest.fixture
def other_site() -> Iterator[Site]:
    """One of another origin."""
    with serving() as here:
        yield here


@contextmanager
def serving() -> Iterator[Site]:
    here = Site("")

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            here.asked.append(self.path)
            here.ended.wait(here.held.get(path, 0.0))
            page = here.pages.get(path)
            body = page.encode() if isinstance(page, str) else page or b""
            moved = {"Location": here.moved[path]} if path in here.moved else {}
            self.send_response(307 if moved else 404 if page is None else 200)
            headers = moved | {
                "Content-Type": "text/html",
                "Content-Length": str(len(body)),
                **here.headers.get(path, {}),
            }
            for name, value in headers.items():
                self.send_header(name, value)
            with suppress(ConnectionError):  # the browser may have gone on or away
                self.end_headers()
                self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.do_GET()

        def log_message(self, format: str, *arguments: object) -> None:
            """Tests read `asked` instead."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    here.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield here
    here.ended.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def started_model_server() -> Iterator[Running]:
    """One for all tests: it takes seconds to start."""
    from tests.model_server import serving as serving_tiny  # not above: it takes torch along

    with serving_tiny() as server:
        yield server


@pytest.fixture
def model_server(started_model_server: Running) -> Running:
    """An OpenAI-compatible server with tiny behind it, that does everything right."""
    started_model_server.wish(forget=True)
    return started_model_server


@pytest.fixture(scope="module")
def started_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One for a whole file, and no longer: while one runs, Playwright keeps an event loop running in this thread."""
    with Browser(viewport=Size(800, 600), downloads=tmp_path_factory.mktemp("downloads")) as browser:
        yield browser


@pytest.fixture
def browser(started_browser: Browser) -> Browser:
    """800x600 at scale 1, on a blank page in its only tab."""
    for page in started_browser.page.context.pages[1:]:
        page.close()
    started_browser.perform(Goto("about:blank"))
    return started_browser
