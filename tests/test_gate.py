"""The gate alone, before an application that takes everything."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.gate import Gate

HOST, TOKEN = "127.0.0.1:7860", "right"


async def open_to_all(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        await socket.send_text("in")
        await socket.close()
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"in"})


def client(hosts: frozenset[str] | None = frozenset({HOST}), cookie: str = TOKEN, password: str = "") -> TestClient:
    gate = Gate(open_to_all, hosts, "handeye", TOKEN, password)
    return TestClient(gate, f"http://{HOST}", cookies={"handeye": cookie}, follow_redirects=False)


@pytest.fixture
def own() -> TestClient:
    return client()


def test_the_person_comes_in(own: TestClient) -> None:
    assert own.get("/config").text == "in"
    with own.websocket_connect("/any", headers={"Host": HOST, "Origin": f"http://{HOST}"}) as socket:
        assert socket.receive_text() == "in"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": HOST, "Origin": "https://evil.example"},
        {"Host": HOST, "Origin": "null"},
        {"Host": "x.localhost:7860"},
        {"Host": "localhost.:7860"},
        {"Host": HOST, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Host": HOST, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
        {"Host": HOST, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ],
)
def test_a_foreign_site_does_not(own: TestClient, headers: dict[str, str]) -> None:
    assert own.get("/", headers=headers).status_code == 403
    with pytest.raises(WebSocketDisconnect), own.websocket_connect("/any", headers=headers):
        pass


def test_a_link_from_elsewhere_may_lead_to_the_page_and_no_further(own: TestClient) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert own.get("/", headers=followed).status_code == 200
    assert own.get("/gradio_api/file=x", headers=followed).status_code == 403
    assert own.post("/", headers=followed).status_code == 403


def test_without_the_cookie_there_is_only_the_door() -> None:
    stranger = client(cookie="wrong")
    assert stranger.get("/config").status_code == 401
    assert 'type="password"' in stranger.get("/", headers={"Accept": "text/html"}).text
    assert "令牌" in stranger.get("/", headers={"Accept": "text/html", "Accept-Language": "zh-CN"}).text
    with pytest.raises(WebSocketDisconnect), stranger.websocket_connect("/any", headers={"Host": HOST}):
        pass


def test_the_token_and_the_password_open_the_door_and_nothing_else_does() -> None:
    stranger = client(hosts=None, cookie="", password="long enough")
    assert stranger.get("/?token=wrong").status_code == 401
    assert stranger.post("/enter", data={"secret": "wrong"}).status_code == 401
    other = client(hosts=None, cookie="", password="long enough")
    for entered in (stranger.get(f"/?token={TOKEN}"), other.post("/enter", data={"secret": "long enough"})):
        assert entered.status_code == 200
        assert all(word in entered.headers["set-cookie"] for word in ("HttpOnly", "SameSite=strict"))
        assert TOKEN not in entered.text


def test_who_is_in_already_loses_the_token_from_the_address_too(own: TestClient) -> None:
    assert 'location.replace("/")' in own.get(f"/?token={TOKEN}").text


def test_an_empty_password_is_none() -> None:
    assert client(cookie="").post("/enter", data={"secret": ""}).status_code == 401
