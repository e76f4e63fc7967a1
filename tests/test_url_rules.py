"""Addresses judged: a table of cases, and what must hold of all."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.explain_urls import explain_url, explain_urls
from app import cli
from tools.url_rules import BadPattern, Rules, is_public, read_pattern

A = ("example.com",)
W = ("*.example.com",)
ALL = ("*",)
Case = tuple[str, Sequence[str] | None, Sequence[str], bool, str]

READ: list[Case] = [  # P1 to P4
    ("https://example.com", A, (), True, "P6"),
    ("  https://example.com\n", A, (), True, "P6"),
    ("ht\ttps://exa\nmple.com/", A, (), True, "P6"),
    ("HTTPS://EXAMPLE.COM/", A, (), True, "P6"),
    ("https:example.com", A, (), True, "P6"),
    ("https:/example.com", A, (), True, "P6"),
    ("https:///example.com", A, (), True, "P6"),
    ("https:\\\\example.com\\a", A, (), True, "P6"),
    ("", None, (), False, "P1"),
    ("example.com", A, (), False, "P1"),
    ("//example.com/", A, (), False, "P1"),
    ("/a", None, (), False, "P1"),
    ("http://", None, (), False, "P1"),
    ("https://exa mple.com/", None, (), False, "P1"),
    ("https://exa|mple.com/", None, (), False, "P1"),
    ("https://exa%00mple.com/", None, (), False, "P1"),
    ("https://%zz.com/", None, (), False, "P1"),
    ("https://example.com:99999/", None, (), False, "P1"),
    ("https://example.com:8a/", None, (), False, "P1"),
    ("https://[::1", None, (), False, "P1"),
    ("https://[::g]/", None, (), False, "P1"),
    ("https://[fe80::1%25eth0]/", ("[fe80::1]",), (), False, "P1"),
    ("https://[fe80::1%eth0]/", ("[fe80::1]",), (), False, "P1"),
    ("https://256.1.1.1/", ALL, (), False, "P1"),
    ("https://1.2.3.09/", ALL, (), False, "P1"),
    ("https://1.2.3.4.5/", ALL, (), False, "P1"),
    ("https://\ud800.com/", ALL, (), False, "P1"),
    ("https://a\u200db.com/", ALL, (), False, "P1"),
    ("about:blank", A, (), True, "P2"),
    ("ABOUT:blank", A, (), True, "P2"),
    ("about:blank#a", A, (), False, "P2"),
    ("about:blank?a", A, (), False, "P2"),
    ("about:srcdoc", None, (), False, "P2"),
    ("about:version", None, (), False, "P2"),
    ("file:///etc/passwd", None, (), False, "P2"),
    ("data:text/html,hi", None, (), False, "P2"),
    ("javascript:alert(1)", None, (), False, "P2"),
    ("blob:https://example.com/1", A, (), False, "P2"),
    ("chrome://settings", None, (), False, "P2"),
    ("view-source:https://example.com/", A, (), False, "P2"),
    ("ftp://example.com/", A, (), False, "P2"),
    ("ws://example.com/", A, (), False, "P2"),
    ("wss://example.com/", A, (), False, "P2"),
    ("filesystem:https://example.com/a", A, (), False, "P2"),
    ("https://user@example.com/", A, (), False, "P3"),
    ("https://user:word@example.com/", A, (), False, "P3"),
    ("https://:word@example.com/", A, (), False, "P3"),
    ("https://example.com@evil.test/", A, (), False, "P3"),
    ("https://example.com%2f@evil.test/", A, (), False, "P3"),
    ("https://example.com:443@evil.test/", A, (), False, "P3"),
    ("https://@example.com/", A, (), True, "P6"),
    ("https://example.com/a@b", A, (), True, "P6"),
    ("https://evil.test/#@example.com", A, (), False, "P6"),
    ("https://evil.test?@example.com", A, (), False, "P6"),
    ("https://evil.test\\@example.com", A, (), False, "P6"),
    ("https://example.com./", A, (), True, "P6"),
    ("https://example.com../", A, (), False, "P4"),
    ("https://.example.com/", W, (), False, "P4"),
    ("https://a..example.com/", W, (), False, "P4"),
    ("https://./", None, (), False, "P4"),
    ("https://1.2.3.4../", None, (), False, "P4"),
    ("https://example\uff0ecom/", A, (), True, "P6"),
    ("https://example\u3002com/", A, (), True, "P6"),
    ("https://ex\u00adample.com/", A, (), True, "P6"),
    ("https://ＥＸＡＭＰＬＥ.com/", A, (), True, "P6"),
    ("https://%65xample.com/", A, (), True, "P6"),
    ("https://example%2ecom/", A, (), True, "P6"),
    ("https://faß.de/", ("faß.de",), (), True, "P6"),
    ("https://faß.de/", ("xn--fa-hia.de",), (), True, "P6"),
    ("https://faß.de/", ("fass.de",), (), False, "P6"),
    ("https://Bücher.example/", ("xn--bcher-kva.example",), (), True, "P6"),
    ("https://xn--bcher-kva.example/", ("BÜCHER.example",), (), True, "P6"),
    ("https://аррӏе.com/", ("apple.com",), (), False, "P6"),
    ("https://例子.example/", ("*.例子.example",), (), True, "P6"),
]

HOSTS: list[Case] = [  # P5 and P6, without a port
    ("https://www.example.com/", A, (), False, "P6"),
    ("https://www.example.com/", W, (), True, "P6"),
    ("https://a.b.example.com/", W, (), True, "P6"),
    ("https://example.com/", W, (), True, "P6"),
    ("https://badexample.com/", W, (), False, "P6"),
    ("https://example.com.evil.test/", W, (), False, "P6"),
    ("https://example.comm/", A, (), False, "P6"),
    ("https://example.com/", ("EXAMPLE.com",), (), True, "P6"),
    ("https://example.com/", ("example.com.",), (), True, "P6"),
    ("https://example.com/", ALL, (), True, "P5"),
    ("https://example.com/", ("nothing.test", "example.com"), (), True, "P6"),
    ("https://example.com/", None, A, False, "P10"),
    ("https://www.example.com/", None, A, False, "P10"),
    ("https://www.example.com/", None, W, False, "P10"),
    ("https://example.com/", None, W, False, "P10"),
    ("https://badexample.com/", None, A, True, "P10"),
    ("https://example.com/", None, ALL, False, "P10"),
    ("https://example.com/", A, A, False, "P10"),
    ("https://ads.example.com/", W, ("ads.example.com",), False, "P10"),
    ("https://www.example.com/", W, ("ads.example.com",), True, "P6"),
    ("https://example.com/", ("https://example.com",), ALL, False, "P10"),
    ("https://example.com/", (), (), False, "P10"),
    ("about:blank", (), (), True, "P2"),
    ("https://example.com/", None, (), True, "P10"),
    ("http://example.com:8080/", None, (), True, "P10"),
]

ERRORS = [
    *("", " ", "**", "*.", ".example.com", "*example.com", "example.*", "a.*.com", "*.*.com", "example..com"),
    *("*.example.com:443", "*.example.com:*", "*:443", "*:*", "example.com:", "example.com:x", "example.com:70000"),
    *("example.com/", "example.com/a", "*.example.com/a", "example.com?a", "example.com#a", "example.com:443/a"),
    *("https://*.example.com", "https://*", "*://example.com", "https://example.com:*", "https://example.com:/"),
    *("ftp://example.com", "file:///a", "//example.com", "https://", "https:example.com", "https:/example.com"),
    *("https://user@example.com", "user@example.com", "https://example.com/?a", "https://example.com/#a"),
    *("https://example.com/*", " example.com", "example.com ", "exa mple.com", "::1", "[::1", "[::g]", "about:blank"),
    *("256.1.1.1", "exa%6dple.com", "-://example.com", "\ud800.com"),
]

PLACES: list[Case] = [  # P7 to P9
    ("https://example.com:443/", A, (), True, "P6"),
    ("http://example.com:80/", A, (), True, "P6"),
    ("http://example.com:/", A, (), True, "P6"),
    ("http://example.com:0080/", A, (), True, "P6"),
    ("http://example.com:443/", A, (), False, "P7"),
    ("https://example.com:80/", A, (), False, "P7"),
    ("https://example.com:8443/", A, (), False, "P7"),
    ("https://example.com:0/", A, (), False, "P7"),
    ("https://www.example.com:8443/", W, (), False, "P7"),
    ("https://example.com:8443/", ALL, (), False, "P7"),
    ("https://example.com:8443/", ("example.com:8443",), (), True, "P6"),
    ("http://example.com:8443/", ("example.com:8443",), (), True, "P6"),
    ("https://example.com/", ("example.com:8443",), (), False, "P7"),
    ("https://example.com/", ("example.com:443",), (), True, "P6"),
    ("http://example.com/", ("example.com:443",), (), False, "P7"),
    ("https://example.com:9/", ("example.com:*",), (), True, "P6"),
    ("https://example.com/", ("example.com:*",), (), True, "P6"),
    ("https://www.example.com:9/", ("example.com:*",), (), False, "P6"),
    ("https://example.com:9/", None, A, False, "P10"),
    ("https://www.example.com:9/", None, W, False, "P10"),
    ("https://example.com:9/", None, ("example.com:*",), False, "P10"),
    ("https://example.com:9/", None, ("example.com:9",), False, "P10"),
    ("https://www.example.com:9/", None, ("example.com:9",), False, "P10"),
    ("https://example.com/", None, ("example.com:9",), True, "P10"),
    ("https://example.com:9/", None, ALL, False, "P10"),
    ("http://example.com/", ("https://example.com",), (), False, "P8"),
    ("https://example.com/", ("HTTPS://EXAMPLE.com",), (), True, "P6"),
    ("https://www.example.com/", ("https://example.com",), (), False, "P6"),
    ("https://example.com:8443/", ("https://example.com",), (), False, "P7"),
    ("https://example.com:8443/", ("https://example.com:8443",), (), True, "P6"),
    ("http://example.com/", None, ("https://example.com",), True, "P10"),
    ("https://example.com:9/", None, ("https://example.com",), False, "P10"),
    ("https://www.example.com/", None, ("https://example.com",), False, "P10"),
    ("https://example.com/a", ("https://example.com/a",), (), True, "P9"),
    ("https://example.com/a/", ("https://example.com/a",), (), True, "P9"),
    ("https://example.com/a/b?c#d", ("https://example.com/a",), (), True, "P9"),
    ("https://example.com/a?b", ("https://example.com/a",), (), True, "P9"),
    ("https://example.com/ab", ("https://example.com/a",), (), False, "P9"),
    ("https://example.com/A", ("https://example.com/a",), (), False, "P9"),
    ("https://example.com/", ("https://example.com/a",), (), False, "P9"),
    ("https://example.com/a/c", ("https://example.com/a/",), (), True, "P9"),
    ("https://example.com/b", ("https://example.com/",), (), True, "P6"),
    ("https://example.com/a/../b", ("https://example.com/a",), (), False, "P9"),
    ("https://example.com/a/%2e%2e/b", ("https://example.com/a",), (), False, "P9"),
    ("https://example.com/a/.%2E/b", ("https://example.com/a",), (), False, "P9"),
    ("https://example.com/a\\..\\b", ("https://example.com/a",), (), False, "P9"),
    ("https://example.com/x/../a/b", ("https://example.com/a",), (), True, "P9"),
    ("https://example.com/./a/.", ("https://example.com/a",), (), True, "P9"),
    ("https://example.com/%61/b", ("https://example.com/a",), (), True, "P9"),
    ("https://example.com/a%7Eb", ("https://example.com/a~b",), (), True, "P9"),
    ("https://example.com/a~b", ("https://example.com/a%7eb",), (), True, "P9"),
    ("https://example.com/a%2fb", ("https://example.com/a",), (), False, "P9"),
    ("https://example.com/a%2fb", ("https://example.com/a%2Fb",), (), True, "P9"),
    ("https://example.com/%2561", ("https://example.com/a",), (), False, "P9"),
    ("https://example.com//a", ("https://example.com/a",), (), False, "P9"),
    ("https://example.com/a;b", ("https://example.com/a",), (), False, "P9"),
    ("https://example.com/é", ("https://example.com/%c3%a9",), (), True, "P9"),
    ("https://example.com/a/b", ("https://example.com/x/../a/./",), (), True, "P9"),
    ("https://example.com/a/b", A, ("https://example.com/a",), False, "P10"),
    ("https://example.com/%61/b", A, ("https://example.com/a",), False, "P10"),
    ("https://example.com/x/%2e%2e/a", A, ("https://example.com/a",), False, "P10"),
    ("https://example.com/ab", A, ("https://example.com/a",), True, "P6"),
    ("https://www.example.com:9/a", ("www.example.com:9",), ("https://example.com/a",), False, "P10"),
]

LOCAL: list[Case] = [  # P11 and P12
    *((f"http://{host}/", allow, (), False, "P11") for allow in (None, ALL, W) for host in (
        "127.0.0.1", "8.8.8.8", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "0", "[::1]", "[::]",
        "[::ffff:127.0.0.1]", "[2606:4700::1111]", "localhost", "LOCALHOST.", "intranet", "app.localhost",
        "printer.local", "db.internal", "nas.home.arpa", "nas.lan", "box.localdomain", "api.default.svc",
        "１２７.0.0.1", "127.0.0.1.",
    )),
    ("http://127.0.0.1/", ("127.0.0.1",), (), True, "P11"),
    ("http://0x7f000001/", ("127.0.0.1",), (), True, "P11"),
    ("http://127.0.0.1/", ("127.1",), (), True, "P11"),
    ("http://127.0.0.1:8000/", ("127.0.0.1",), (), False, "P7"),
    ("http://127.0.0.1:8000/", ("127.0.0.1:8000",), (), True, "P11"),
    ("http://127.0.0.1:8000/", ("http://127.0.0.1:8000/a",), (), False, "P9"),
    ("http://127.0.0.1:8000/a", ("http://127.0.0.1:8000/a",), (), True, "P11"),
    ("http://127.0.0.2/", ("127.0.0.1",), (), False, "P11"),
    ("http://a.127.0.0.1/", ("*.127.0.0.1",), (), False, "P1"),
    ("http://127.0.0.1/", ("*.127.0.0.1",), (), False, "P11"),
    ("http://127.0.0.1/", ("127.0.0.1",), ("127.0.0.1",), False, "P10"),
    ("http://[::1]/", ("[::1]",), (), True, "P11"),
    ("http://[0:0::0:1]/", ("[::1]",), (), True, "P11"),
    ("http://[::1]:80/", ("[0:0:0:0:0:0:0:1]:80",), (), True, "P11"),
    ("http://[::ffff:127.0.0.1]/", ("127.0.0.1",), (), False, "P11"),
    ("http://[::ffff:127.0.0.1]/", ("[::ffff:7f00:1]",), (), True, "P11"),
    ("http://localhost/", ("localhost",), (), True, "P11"),
    ("http://localhost./", ("localhost",), (), True, "P11"),
    ("http://localhost:3000/", ("localhost:*",), (), True, "P11"),
    ("http://app.localhost/", ("localhost",), (), False, "P11"),
    ("http://app.localhost/", ("*.localhost",), (), False, "P11"),
    ("http://localhost/", ("*.localhost",), (), False, "P11"),
    ("http://app.localhost/", ("app.localhost",), (), True, "P11"),
    ("http://x.corp.local/", ("*.corp.local",), (), False, "P11"),
    ("http://localhost/", ("localhost",), ALL, False, "P10"),
    ("http://app.localhost/", ("app.localhost",), ("localhost",), False, "P10"),
    ("http://localhost.com/", ALL, (), True, "P5"),
    ("http://svc.example.com/", W, (), True, "P6"),
    *((f"http://{host}/", (host,), (), False, "P12") for host in (
        "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::]", "metadata.google.internal",
        "metadata.goog", "instance-data", "metadata.tencentyun.com",
    )),
    ("http://2852039166/", ("169.254.169.254",), (), False, "P12"),
    ("http://0xa9.0376.0xa9fe/", ("169.254.169.254",), (), False, "P12"),
    ("http://METADATA.google.internal./", ALL, (), False, "P12"),
    ("http://169.254.169.254:8080/", ("169.254.169.254:*",), (), False, "P12"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "allow", "block", "allowed", "rule"), [*READ, *HOSTS, *PLACES, *LOCAL])
def test_an_address_is_judged(
    url: str, allow: Sequence[str] | None, block: Sequence[str], allowed: bool, rule: str
) -> None:
    verdict = Rules(allow, block).judge(url)
    assert (verdict.allowed, verdict.rule) == (allowed, rule), verdict.why


@pytest.mark.parametrize("written", ERRORS)
def test_what_is_no_pattern_matches_nothing(written: str) -> None:
    with pytest.raises(BadPattern):
        read_pattern(written)
    assert not Rules((written,)).judge("https://example.com/").allowed
    assert Rules(None, (written,)).judge("https://example.com/").allowed
    assert Rules((written, "example.com")).judge("https://example.com/").allowed


def test_where_a_person_begins_is_allowed_beside_the_list_and_opens_nothing_else() -> None:
    for allow in (None, (), A):
        rules = Rules(allow, (), ("http://127.0.0.1:5000",))
        assert rules.judge("http://127.0.0.1:5000/a").allowed
        assert not rules.judge("http://127.0.0.1:5001/").allowed
        assert rules.judge("https://other.test/").allowed == (allow is None)
    assert not Rules(None, ("127.0.0.1",), ("http://127.0.0.1:5000",)).judge("http://127.0.0.1:5000/").allowed


@pytest.mark.parametrize(
    ("ip", "public"),
    [
        *(("8.8.8.8", True), ("2606:4700::1111", True), ("10.0.0.1", False), ("127.0.0.1", False), ("0.0.0.0", False)),
        *(("169.254.1.1", False), ("100.64.0.1", False), ("224.0.0.1", False), ("::1", False), ("fe80::1", False)),
        *(("fc00::1", False), ("::ffff:10.0.0.1", False), ("64:ff9b::a00:1", False), ("2002:7f00:1::", False)),
        *(("64:ff9b::808:808", True), ("::7f00:1", False), ("ff02::1", False), ("192.0.2.1", False)),
    ],
)
def test_public_addresses_are_told_from_others(ip: str, public: bool) -> None:
    assert is_public(ip_address(ip)) == public


@given(st.text(max_size=40), st.lists(st.text(max_size=12), max_size=3), st.lists(st.text(max_size=12), max_size=3))
@settings(max_examples=200, deadline=None)
def test_any_address_and_any_patterns_get_a_verdict(url: str, allow: list[str], block: list[str]) -> None:
    for each in (url, f"https://{url}"):
        verdict = Rules(allow, block).judge(each)
        if verdict.allowed:
            assert not Rules(allow, (*block, "*")).judge(each).allowed or verdict.rule == "P2"


def verdicts(*lines: Any) -> list[dict[str, Any]]:
    out = io.StringIO()
    sent = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    explain_urls(io.BytesIO(b"\n".join(sent)), out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_lines_get_a_verdict_each() -> None:
    good = {"url": "https://example.com/", "allow": ["example.com"], "block": []}
    blocked = {"url": "https://example.com/", "block": ["example.com"]}
    assert verdicts(good, blocked, {"url": "https://example.com/", "allow": [5]}) == [
        {"decision": "allow", "rule": "P6"},
        {"decision": "deny", "rule": "P10"},
        {"decision": "deny", "rule": "P5"},
    ]


@pytest.mark.parametrize(
    "bad", [b"", b"{", b"[]", b"\xff", {}, {"url": 5}, {"url": "https://a.test/", "allow": "a.test"}, {"url": None}]
)
def test_a_bad_line_is_told_and_the_next_one_read(bad: Any) -> None:
    first, second = verdicts(bad, {"url": "https://example.com/"})
    assert first["decision"] == "deny" and first["rule"] is None and first["error"]
    assert second == {"decision": "allow", "rule": "P10"}


def test_a_person_is_told_the_decision_the_rule_and_what_is_no_pattern(capsys: pytest.CaptureFixture[str]) -> None:
    assert "allow (P6): allowed by example.com" in explain_url("https://example.com/", Rules(A))
    address = "https://ads.example.com/"
    assert cli.main(["explain", "url", "--allow", "*.example.com,x/y", "--block", "ads.example.com", address]) == 0
    said = capsys.readouterr().out
    assert "deny (P10): blocked by ads.example.com" in said and "matches nothing: 'x/y' is no pattern" in said
    assert cli.main(["explain", "url", "--allow", "", "https://example.com/"]) == 0
    assert "deny (P10): nothing is allowed" in capsys.readouterr().out
    assert cli.main(["explain", "url"]) == 2
