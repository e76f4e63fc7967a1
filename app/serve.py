"""Serve: the page on this machine's own address, until it is told to stop."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import tempfile
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from app.settings import Settings
from model.vlm import VisionLanguageModel
from tools.errors import UserError

if TYPE_CHECKING:
    from app.desk import Desk

log = logging.getLogger(__name__)

FIRST_PORT, PORTS = 7860, 100
MAX_UPLOAD = "50mb"  # of one file
SHORTEST_PASSWORD = 8
QUIET = {  # nothing is told to anybody; read by the libraries when they are imported
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_SHARE": "False",
    "GRADIO_MCP_SERVER": "False",
    "GRADIO_ALLOWED_PATHS": "",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}


@dataclass(frozen=True)
class Door:
    """Where the page is and who may enter."""

    host: str = "127.0.0.1"
    port: int | None = None  # None: the first free one from 7860
    password: str = ""

    def check(self) -> None:
        """Raises UserError when other machines could come in without a password."""
        if not is_loopback(self.host) and len(self.password) < SHORTEST_PASSWORD:
            raise UserError(
                f"--host {self.host} lets other machines in; set HANDEYE_PASSWORD to {SHORTEST_PASSWORD} or more "
                "characters first, or leave --host out"
            )


@contextmanager
def served(settings: Settings, folder: Path, door: Door, model: VisionLanguageModel | None = None) -> Iterator[str]:
    """The page, ready, while the block lasts. Gives the address that lets a browser in. Raises UserError.

    model: answers instead of the settings' own.
    """
    door.check()
    port = free_port(door.host, door.port)
    os.environ.update(QUIET)
    os.environ["NO_PROXY"] = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1", "localhost", "::1"]))
    with tempfile.TemporaryDirectory(prefix="handeye-") as cache:  # uploads and what is shown, of this run only
        os.environ["GRADIO_TEMP_DIR"] = cache
        with launched(settings, folder, door, port, model):
            shown = "127.0.0.1" if door.host in ("0.0.0.0", "::") else door.host
            yield f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/?token={token(folder)}"


@contextmanager
def launched(
    settings: Settings, folder: Path, door: Door, port: int, model: VisionLanguageModel | None
) -> Iterator[None]:
    from starlette.middleware import Middleware  # only now, as Gradio reads the environment when it is imported

    from app import ui
    from app.desk import Desk
    from app.gate import Gate

    desk = Desk(settings, folder, ui.texts(), model)
    desk.own_ports = (port,)
    hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))
    gate = Middleware(
        Gate,
        hosts=hosts if is_loopback(door.host) else None,
        cookie=f"handeye-{port}",
        token=token(folder),
        password=door.password,
    )
    blocks = ui.page(desk)
    try:
        blocks.queue(api_open=False, max_size=64, default_concurrency_limit=None).launch(
            server_name=door.host,
            server_port=port,
            app_kwargs={"middleware": [gate], "docs_url": None, "redoc_url": None, "openapi_url": None},
            allowed_paths=[],
            blocked_paths=[str(desk.folder)],  # conversations and the token; pictures are shown from the cache
            max_file_size=MAX_UPLOAD,
            strict_cors=True,
            share=False,
            ssr_mode=False,
            enable_monitoring=False,
            run_history=False,
            show_error=False,
            footer_links=[],
            quiet=True,
            prevent_thread_lock=True,
            _frontend=False,  # no asking of itself whether it can be reached: the gate would say no
            i18n=ui.words(),
            theme=ui.theme(),
            css=ui.CSS,
            head=ui.HEAD,
        )
        threading.Thread(target=preload, args=(desk,), daemon=True).start()
        yield
    finally:
        desk.close()
        if blocks.is_running:
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it would tell of each thing it cuts off
            blocks.server.force_exit = True  # pages that are still open hold their connections
            blocks.close(verbose=False)


def preload(desk: Desk) -> None:
    """The model is there, most likely, before anybody asks."""
    try:
        desk.model()
    except UserError as error:
        log.warning("no model yet: %s; the page's Doctor tab loads another", error)


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def free_port(host: str, wanted: int | None) -> int:
    """Raises UserError."""
    try:
        family = socket.getaddrinfo(host, None)[0][0]
    except OSError as error:
        raise UserError(f"--host {host}: {error}; leave it out for this machine only") from error
    for port in [wanted] if wanted is not None else range(FIRST_PORT, FIRST_PORT + PORTS):
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    taken = f"port {wanted} is" if wanted is not None else f"ports {FIRST_PORT} to {FIRST_PORT + PORTS - 1} are"
    raise UserError(f"{taken} taken; give another one with --port")


def token(folder: Path) -> str:
    """Made once and kept where only this user can read it, so that a bookmark lasts."""
    path = folder.expanduser() / "token"
    if not path.is_file():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24))
    return path.read_text().strip()


def can_open() -> bool:
    """Has this machine a screen to open a browser on? A browser of the terminal would take the terminal away."""
    return (
        os.name == "nt"
        or os.uname().sysname == "Darwin"
        or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    )


def open_page(address: str) -> None:
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
