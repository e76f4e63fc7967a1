"""Nobody but the person at this machine has an effect on the page: foreign sites, foreign names, framed, uploaded."""

from __future__ import annotations

import http.client
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import Site
from playwright.sync_api import Browser, expect
from serving import READY, chromium, enter, page_of

from app.serve import Door, free_port, is_loopback
from tools.errors import UserError

PNG = b"\x89PNG\r\n\x1a\n"
EFFECTS = """async (base) => {
  const body = new FormData();
  body.append("files", new File(["x"], "planted.txt"));
  const tries = [
    fetch(base + "/gradio_api/upload", {method: "POST", mode: "no-cors", credentials: "include", body}),
    fetch(base + "/gradio_api/queue/join", {method: "POST", mode: "no-cors", credentials: "include", body: "{}"}),
    fetch(base + "/gradio_api/info", {credentials: "include"}),
    fetch(base + "/config", {credentials: "include"}),
    new Promise((done) => { const image = new Image(); image.src = base + "/favicon.ico";
      image.onload = () => done({ok: true}); image.onerror = () => done({ok: false}); }),
    new Promise((done) => { const socket = new WebSocket(base.replace("http", "ws") + "/gradio_api/queue/join");
      socket.onopen = () => done({ok: true}); socket.onerror = () => done({ok: false}); }),
  ];
  return (await Promise.allSettled(tries)).map((each) => each.status === "fulfilled" && each.value.ok);
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with page_of(tmp_path_factory.mktemp("secure")) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def request(address: str, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
    """As the person's own browser would send it, cookie and all, but for what is named. Status and body."""
    where = urlsplit(address)
    token = where.query.removeprefix("token=")
    connection = http.client.HTTPConnection("127.0.0.1", where.port, timeout=20)
    cookie = f"handeye-{where.port}={token}"
    sent = {"Host": where.netloc, "Cookie": cookie} | {name.replace("_", "-"): text for name, text in headers.items()}
    connection.request(method, path, body, {name: text for name, text in sent.items() if text})
    answer = connection.getresponse()
    return answer.status, answer.read().decode("utf-8", "replace")


def stored(address: str) -> set[str]:
    """Files that were uploaded."""
    return {str(path) for path in Path(os.environ["GRADIO_TEMP_DIR"]).rglob("*") if path.is_file()}


def multipart(name: str, content: bytes) -> tuple[bytes, str]:
    head = f'--cut\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n--cut--\r\n", "multipart/form-data; boundary=cut"


def upload(address: str, content: bytes, **headers: str) -> int:
    body, kind = multipart("planted.png", content)
    return request(address, "POST", "/gradio_api/upload", body, Content_Type=kind, **headers)[0]


def test_the_person_is_served(address: str) -> None:
    assert request(address, "GET", "/")[0] == 200
    assert upload(address, PNG) == 200


@pytest.mark.parametrize("host", ["evil.example", "x.localhost", "localhost.", "127.0.0.1.nip.io", "127.0.0.1", ""])
def test_a_foreign_host_has_no_effect(address: str, host: str) -> None:
    named = f"{host}:{urlsplit(address).port}" if host and host != "127.0.0.1" else host or "[::2]"
    before = stored(address)
    assert request(address, "GET", "/", Host=named)[0] == 403
    assert upload(address, PNG, Host=named) == 403
    assert stored(address) == before


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.:{port}", "http://127.0.0.1:1"])
def test_a_foreign_origin_has_no_effect(address: str, origin: str) -> None:
    before = stored(address)
    assert upload(address, PNG, Origin=origin.format(port=urlsplit(address).port)) == 403
    assert stored(address) == before


def test_without_the_cookie_nothing_is_told(address: str) -> None:
    for path in ("/config", "/gradio_api/info", "/gradio_api/heartbeat/x", "/gradio_api/app_id", "/theme.css"):
        assert request(address, "GET", path, Cookie="")[0] == 401
    assert upload(address, PNG, Cookie="") == 401
    assert request(address, "GET", "/?token=wrong", Cookie="")[0] == 401


@pytest.mark.parametrize("name", ["x.localhost", "localhost.", "localhost", "127.0.0.1"])
def test_another_site_in_the_same_browser_has_no_effect(browser: Browser, address: str, site: Site, name: str) -> None:
    """A real one, of this very machine, by whatever name: where browsers themselves see least of a difference."""
    page = enter(browser, address)
    page.goto(site.put("/evil", "<p>evil").replace("127.0.0.1", name))
    before = stored(address)
    port = urlsplit(address).port
    for host in ("127.0.0.1", "localhost", "x.localhost", "localhost."):
        assert page.evaluate(EFFECTS, f"http://{host}:{port}") == [False] * 6
    assert stored(address) == before
    page.context.close()


@pytest.mark.parametrize("name", ["x.localhost", "127.0.0.1"])
def test_the_page_cannot_be_framed(browser: Browser, address: str, site: Site, name: str) -> None:
    page = enter(browser, address)
    inner = address.partition("?")[0]
    page.goto(site.put("/frame", f'<iframe src="{inner}"></iframe>').replace("127.0.0.1", name))
    page.wait_for_timeout(1000)
    assert not [frame for frame in page.frames[1:] if frame.url.startswith(inner)]
    page.context.close()


def test_nothing_is_asked_of_another_machine(browser: Browser, address: str) -> None:
    page = browser.new_context().new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_selector(READY)
    page.wait_for_timeout(500)
    ours = address.partition("?")[0]
    assert not [url for url in asked if not url.startswith((ours, "data:", "blob:"))]
    page.context.close()


def test_files_beside_uploads_are_not_served(address: str, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("hidden words")
    for path in (tmp_path / "secret.txt", Path(__file__), Path("/etc/passwd"), Path.cwd() / "pyproject.toml"):
        status, body = request(address, "GET", f"/gradio_api/file={path}")
        assert status in (403, 404)
        assert "hidden words" not in body


def test_an_upload_beyond_the_limit_is_refused(address: str) -> None:
    before = stored(address)
    assert upload(address, bytes(53 * 10**6)) == 413
    assert stored(address) == before


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_read(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    from PIL import Image

    Image.new("1", (13_000, 13_000)).save(tmp_path / "bomb.png")
    page = enter(browser, address)
    page.set_input_files("#chat-box input[type=file]", tmp_path / "bomb.png")
    expect(page.locator("#chat-box .thumbnails, #chat-box img").first).to_be_visible()
    page.fill(READY, "what is this?")
    page.keyboard.press("Enter")
    expect(page.get_by_text("make it 50 million or fewer")).to_be_visible()
    page.context.close()


def test_calls_from_programs_are_closed(address: str) -> None:
    status, body = request(address, "GET", "/gradio_api/info")
    assert status != 200 or not any(json.loads(body)["named_endpoints"].values())


def test_answers_carry_the_headers_that_protect(address: str) -> None:
    where = urlsplit(address)
    connection = http.client.HTTPConnection("127.0.0.1", where.port)
    connection.request("GET", "/")
    headers = connection.getresponse().headers
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert re.search(r"img-src 'self' data: blob:;", headers["Content-Security-Policy"])


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.com"])
def test_other_machines_need_a_password(host: str) -> None:
    with pytest.raises(UserError, match="HANDEYE_PASSWORD"):
        Door(host, password="short").check()
    Door(host, password="long enough").check()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_this_machine_needs_none(host: str) -> None:
    assert is_loopback(host)
    Door(host).check()


def test_a_taken_port_is_told() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="--port"):
            free_port("127.0.0.1", taken.getsockname()[1])
