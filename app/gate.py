"""Gate: who may talk to the page. Every HTTP request and WebSocket passes here before Gradio sees it.

Any web site that its user visits can reach a server on this machine; see OWASP on CSRF and on DNS rebinding. So the
Host must be ours, the Origin must be ours, and the browser must hold the cookie that only the printed address gives.
"""

from __future__ import annotations

import asyncio
import hmac
from html import escape
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STARTUP = "/gradio_api/startup-events"  # Gradio asks itself this, without our cookie; it tells nothing
GUESS_S = 1.0  # between two wrong passwords, whoever guesses
MAX_FORM = 4096  # bytes
YEAR_S = 365 * 24 * 3600
POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # Gradio's own way of working
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",  # so no picture of another site, whatever a model writes
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), display-capture=(self), microphone=(), geolocation=()",
}
PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Handeye</title><style>:root {{ color-scheme: light dark }} body {{ font: 1rem/1.5 system-ui; max-width: 26rem;
margin: 18vh auto; padding: 0 1rem }} input, button {{ font: inherit; padding: .5rem .8rem }}</style>"""
ENTER = PAGE + '<script>location.replace("/")</script><a href="/">Handeye</a>'
ASK = (
    PAGE
    + """<h1>Handeye</h1><p>{text}</p><form method="post" action="/enter">
<input type="password" name="secret" aria-label="{label}" autofocus> <button>{button}</button></form>"""
)
ENGLISH = (
    "Open the address that was printed when Handeye started, or enter its token or password here.",
    "Token or password",
    "Enter",
)
CHINESE = ("请打开 Handeye 启动时打印的地址，或在此输入其令牌或密码。", "令牌或密码", "进入")


class Gate:
    """hosts: what the Host header may say, port and all; None: anything, where a password guards the door.

    token: the cookie's value, and what the printed address ends in. password: opens as well; "" when there is none.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None, cookie: str, token: str, password: str = "") -> None:
        self.app = app
        self.hosts = hosts
        self.cookie = cookie
        self.token = token
        self.secrets = [secret for secret in (token, password) if secret]
        self.guessing = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        if not self.is_ours(headers, scope):
            return await refuse(scope, receive, send)
        if scope["type"] == "websocket":
            return await (self.app if self.is_known(headers) else refuse)(scope, receive, send)
        comes_with_token = scope["path"] == "/" and b"token=" in scope["query_string"]  # which must leave the address
        ours = self.is_known(headers) or (scope["path"] == STARTUP and scope["method"] == "GET")
        if ours and not comes_with_token:
            return await self.app(scope, receive, guarded(send))
        await (await self.door(scope, headers, receive))(scope, receive, guarded(send))

    def is_ours(self, headers: Headers, scope: Scope) -> bool:
        """Does the request come from our own page, or from the person who types or follows an address?"""
        host, origin = headers.get("host", ""), headers.get("origin")
        if len(headers.getlist("host")) != 1 or (self.hosts is not None and host not in self.hosts):
            return False
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return False
        if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
            return True
        followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        return followed and scope["path"] == "/" and scope.get("method") == "GET"

    def is_known(self, headers: Headers) -> bool:
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        return self.cookie in cookies and same(cookies[self.cookie].value, self.token)

    async def door(self, scope: Scope, headers: Headers, receive: Receive) -> Response:
        """The way in, for a browser that has no cookie yet or brings the token once more."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["method"] == "POST" and scope["path"] == "/enter":
            given = parse_qs((await body(receive)).decode("utf-8", "replace")).get("secret", [""])[0]
        if self.is_known(headers) or any(same(given, secret) for secret in self.secrets):
            entered = HTMLResponse(ENTER.format())
            entered.set_cookie(self.cookie, self.token, max_age=YEAR_S, httponly=True, samesite="strict")
            return entered
        if given:
            async with self.guessing:
                await asyncio.sleep(GUESS_S)
        if "text/html" not in headers.get("accept", ""):
            return PlainTextResponse("not entered", 401)
        chinese = headers.get("accept-language", "").lower().startswith("zh")
        text, label, button = map(escape, CHINESE if chinese else ENGLISH)
        return HTMLResponse(ASK.format(text=text, label=label, button=button), 401)


def same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        return await send({"type": "websocket.close", "code": 1008})
    await PlainTextResponse("refused", 403)(scope, receive, guarded(send))


def guarded(send: Send) -> Send:
    """Every answer carries our headers."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)

    return with_headers


async def body(receive: Receive) -> bytes:
    """Of a small form; what is beyond is dropped."""
    read, more = b"", True
    while more and len(read) < MAX_FORM:
        message = await receive()
        read += message.get("body", b"")
        more = message.get("more_body", False)
    return read[:MAX_FORM]
