"""What the rules deny is never contacted, whichever way a page tries: judged by the denied server's own log."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from conftest import Site

from app import wiring
from app.settings import Settings
from model.families import TINY
from tools.actions import Back, Click, Forward, Goto, Type, Wait
from tools.addresses import with_start
from tools.browser import Browser
from tools.egress import Egress
from tools.environment import ActionFailed
from tools.errors import UserError
from tools.geometry import Point, Size
from tools.url_rules import Address, Rules

WAYS = {  # what a page does; NO is the address that is denied, GO leads there by a redirect
    "picture": "<img src='NO/img'><img srcset='NO/set 1x'><input type=image src='NO/input'>",
    "picture behind a redirect": "<img src='GO'>",
    "style and font": "<link rel=stylesheet href='NO/css'><style>@import 'NO/css2'; @font-face {font-family: f; "
    "src: url(NO/font)} body {font-family: f; background: url(NO/bg)}</style>x",
    "script and module": "<script src='NO/js'></script><script type=module>import 'NO/mjs'</script>",
    "frame": "<iframe src='NO/frame'></iframe><object data='NO/object'></object><embed src='NO/embed'>",
    "frame behind a redirect": "<iframe src='GO'></iframe>",
    "media": "<video src='NO/video' preload=auto poster='NO/poster'></video>"
    "<audio src='NO/audio' preload=auto></audio>",
    "hints": "<link rel=preconnect href='NO'><link rel=dns-prefetch href='NO'><link rel=prefetch href='NO/prefetch'>"
    "<link rel=preload as=image href='NO/preload'><link rel=modulepreload href='NO/mod'><link rel=icon href='NO/icon'>",
    "prerender": '<script type=speculationrules>{"prerender": [{"urls": ["NO/prerender"], "eagerness": "immediate"}],'
    '"prefetch": [{"urls": ["NO/prefetch"], "eagerness": "immediate"}]}</script>',
    "fetch": "<script>for (const mode of ['cors', 'no-cors']) fetch('NO/fetch', {mode, method: 'POST', body: 'x'});"
    "fetch('GO', {mode: 'no-cors'}); const x = new XMLHttpRequest(); x.open('GET', 'NO/xhr'); x.send()</script>",
    "beacon": "<script>navigator.sendBeacon('NO/beacon', 'x'); fetch('NO/alive', {keepalive: true})</script>"
    "<a ping='NO/ping' href='#' id=a></a><script>a.click()</script>",
    "socket": "<script>new WebSocket('NO/ws'.replace('http', 'ws')); new EventSource('NO/events')</script>",
    "worker": "<script>new Worker(URL.createObjectURL(new Blob([`fetch('NO/worker'); importScripts('NO/import')`],"
    "{type: 'text/javascript'})))</script>",
    "peer": "<script>const p = new RTCPeerConnection({iceServers: [{urls: 'stun:UDP'}, {urls: 'turn:UDP?transport=tcp',"
    "username: 'a', credential: 'b'}]}); p.createDataChannel('c'); p.createOffer().then((o) => "
    "p.setLocalDescription(o)); new WebTransport('https://UDP/')</script>",
    "form": "<form method=post action='NO/form' target=f><input name=q value=x></form><iframe name=f></iframe>"
    "<script>document.forms[0].submit()</script>",
    "download": "<a href='NO/file' download id=a></a><script>a.click()</script>",
    "refresh": "<meta http-equiv=refresh content='0; url=NO/refresh'>",
    "redirect": "<script>location = 'GO'</script>",
    "script leaves": "<script>location = 'NO/location'</script>",
    "form leaves": "<form method=post action='NO/form'></form><script>document.forms[0].submit()</script>",
}


@pytest.fixture
def forbidden() -> Iterator[Site]:
    """Another server; whatever comes there is noted, and on a UDP port of the same number too."""
    here = Site("")

    class Answer(BaseHTTPRequestHandler):
        def handle(self) -> None:
            here.asked.append("a connection")

    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server, closing(datagrams):
        datagrams.bind(("127.0.0.1", server.server_port))
        datagrams.setblocking(False)
        here.address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield here
        server.shutdown()
        with pytest.raises(BlockingIOError):
            datagrams.recv(1)


def written(way: str, site: Site, forbidden: Site) -> str:
    body = WAYS[way].replace("NO", forbidden.address).replace("GO", site.at("/go"))
    return site.put("/" + way.replace(" ", "-"), body.replace("UDP", forbidden.address.removeprefix("http://")))


def test_no_way_leads_to_what_is_denied_and_what_is_allowed_works(site: Site, forbidden: Site, tmp_path: Path) -> None:
    site.moved["/go"] = forbidden.at("/go")
    site.put("/ok", "<script>fetch('/data').then((r) => r.text()).then((t) => document.title = t)</script>")
    site.pages["/data"] = "here"
    site.put("/pops", f"<body style='height: 400px' onclick=\"window.open('{forbidden.at('/pop')}')\">")
    rules = with_start(Rules(), site.at("/ok"))
    with Browser(site.at("/ok"), viewport=Size(400, 300), rules=rules, downloads=tmp_path) as browser:
        assert browser.screenshot().title == "here"
        silent = []
        for way in WAYS:
            noticed = browser.perform(Goto(written(way, site, forbidden)))
            if "is not contacted" not in noticed and "is not contacted" not in browser.perform(Wait(0.5)):
                silent.append(way)
        assert silent == [], "ways that were not even tried prove nothing"
        browser.perform(Goto(site.at("/pops")))
        browser.perform(Click(Point(50, 50)))
        assert browser.screenshot().url in ("about:blank", site.at("/pops"))
        with pytest.raises(ActionFailed, match=r"may not be opened.*\(P"):
            browser.perform(Goto(forbidden.at("/goto")))
        for step in (Back(), Forward()):
            with suppress(ActionFailed):
                browser.perform(step)
        browser.perform(Goto(site.at("/ok")))
        assert browser.screenshot().title == "here"
    assert forbidden.asked == []


def test_without_rules_the_same_ways_do_lead_there(site: Site, forbidden: Site) -> None:
    """Else the test above would prove nothing."""
    with Browser(viewport=Size(400, 300)) as browser:
        browser.perform(Goto(written("picture", site, forbidden)))
    assert forbidden.asked


def asked(egress: Egress, request: str) -> str:
    with closing(socket.create_connection(("127.0.0.1", egress.port), timeout=10)) as line:
        line.sendall(request.encode() + b"\r\n\r\n")
        reply = b""
        while piece := line.recv(65536):
            reply += piece
        return reply.decode()


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        *(("inside.test", "P13"), ("mixed.test", "P13"), ("cloud.test", "P12"), ("127.0.0.1", "P11")),
        *(("blocked.test", "P10"), ("169.254.169.254", "P12"), ("mine.test:OWN", "P14"), ("mine.test:PROXY", "P14")),
    ],
)
def test_what_a_name_leads_to_is_judged_before_it_is_contacted(target: str, rule: str, forbidden: Site) -> None:
    own = int(forbidden.address.rpartition(":")[2])
    names = {"inside": ["10.0.0.1"], "mixed": ["8.8.8.8", "127.0.0.1"], "cloud": ["169.254.169.254"]}

    def resolve(host: str, port: int) -> list[Address]:
        return [ip_address(each) for each in names.get(host.removesuffix(".test"), ["127.0.0.1"])]

    rules = Rules(None, ("blocked.test",), ("mine.test:*",), own_ports=(own,))
    with closing(Egress(rules, resolve)) as egress:
        host = target.replace("OWN", str(own)).replace("PROXY", str(egress.port))
        port = "" if ":" in host else ":443"
        for request in (f"GET http://{host}/ HTTP/1.1", f"CONNECT {host}{port} HTTP/1.1"):
            reply = asked(egress, request)
            assert "403" in reply.partition("\n")[0] and f"({rule})" in reply
        assert egress.told() and not egress.told()
    assert forbidden.asked == []


def test_a_name_that_is_listed_may_lead_inside_and_the_judged_address_is_the_one_used(site: Site) -> None:
    site.put("/a", "hello")
    port = site.address.rpartition(":")[2]
    answers = [[ip_address("127.0.0.1")], [ip_address("127.0.0.9")]]  # of a name that changes its mind
    with closing(Egress(Rules(("mine.test:*",)), lambda host, port: answers.pop(0))) as egress:
        assert "hello" in asked(egress, f"GET http://mine.test:{port}/a HTTP/1.1")
    assert len(answers) == 1


def test_a_tunnel_to_what_is_allowed_carries_both_ways(site: Site) -> None:
    site.put("/a", "hello" * 50_000)
    host = site.address.removeprefix("http://")
    with closing(Egress(Rules((host,)))) as egress:
        tunnel = f"CONNECT {host} HTTP/1.1\r\n\r\nGET /a HTTP/1.1\r\nConnection: close"
        reply = asked(egress, tunnel)
    assert reply.startswith("HTTP/1.1 200 Connection established") and reply.count("hello") == 50_000


@pytest.mark.parametrize("request_", ["", "nonsense", "GET / HTTP/1.1", "GET https://a.test/ HTTP/1.1"])
def test_what_is_no_request_to_a_proxy_is_refused(request_: str) -> None:
    with closing(Egress(Rules())) as egress:
        assert asked(egress, request_).startswith(("HTTP/1.1 400", "HTTP/1.1 403"))


def test_a_page_of_this_machine_may_be_the_start_and_opens_no_other_file(site: Site, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (tmp_path / "site").mkdir()
    page, next_page = tmp_path / "site" / "page.html", tmp_path / "site" / "next.html"
    page.write_text(f"<title>first</title><a href='{next_page.as_uri()}' style='font: 90px serif'>next</a>")
    next_page.write_text(f"<title>second</title><iframe src='{secret.as_uri()}'></iframe><img src='{site.at('/i')}'>")
    with Browser(str(page), viewport=Size(400, 300), rules=Rules()) as browser:
        assert browser.screenshot().title == "first"
        noticed = browser.perform(Click(Point(60, 60)))
        assert "secret.txt is not shown" in noticed and browser.screenshot().url == "about:blank"
    assert site.asked == []


def test_paths_are_judged_also_where_the_proxy_cannot_see_them() -> None:
    with Browser(viewport=Size(400, 300), rules=Rules(("https://docs.test/a",))) as browser:
        with pytest.raises(ActionFailed, match=r"/b is not allowed \(P9\)"):
            browser.perform(Goto("https://docs.test/b"))
        browser.page.evaluate("() => { new Image().src = 'https://docs.test/b' }")
        assert "https://docs.test/b is not contacted" in browser.perform(Wait(0.3))


def test_of_what_chromium_asks_for_on_its_own_account_nothing_is_told(site: Site) -> None:
    page = site.put("/page", "<form><input name=email style='position: fixed; inset: 0'><input name=tel></form>")
    with Browser(page, viewport=Size(400, 300), rules=Rules(("127.0.0.1:*",))) as browser:
        told = [browser.perform(action) for action in (Click(Point(60, 60)), Type("a@b.test"), Wait(0.5))]
    assert told == ["", "", ""]


def test_a_start_that_is_blocked_is_told_to_the_person(site: Site) -> None:
    with pytest.raises(UserError, match=r"cannot start there.*blocked by 127\.0\.0\.1 \(P10\)"):
        Browser(site.at("/"), rules=with_start(Rules(block=("127.0.0.1",)), site.at("/")))
    assert site.asked == []


def test_where_a_program_says_to_begin_is_no_person_s_word(site: Site) -> None:
    with pytest.raises(UserError, match=r"cannot start there.*\(P11\)"):
        wiring.open_browser(Settings(), TINY, site.at("/"), said="")
    assert site.asked == []
