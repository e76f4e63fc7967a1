"""Which addresses may be contacted: rules P1 to P14, as pure functions of an address and two lists of patterns.

P1  An address is read as browsers read it (WHATWG); what cannot be read is denied.
P2  Pages are http and https, and exactly about:blank.
P3  No name or password in an address.
P4  Hosts in lower case and in ASCII (UTS-46), without one dot at the end; an empty label is denied.
P5  Patterns: `*`, `host`, `*.host`, `host:port`, `host:*`, `scheme://host[:port][/path]`. Others match nothing.
P6  `host` allows that host, and blocks it with its subdomains; `*.host` is the host and its subdomains.
P7  Without a port, a pattern allows the scheme's own port and blocks all ports.
P8  Without a scheme, a pattern is for http and https.
P9  A path stands for itself and all below it, segment by segment; case counts.
P10 What is blocked is not allowed; of an empty list of what is allowed comes nothing; without a list, all may be.
P11 IP addresses and local names must be allowed by their very host; `*` and `*.host` do not cover them.
P12 Addresses at which clouds tell their secrets are always denied.
P13 and P14 are for connections: tools/egress.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from ada_url import URL

BLANK = "about:blank"
PORTS = {"http": 80, "https": 443}
LOCAL_ENDINGS = (".localhost", ".local", ".internal", ".home.arpa", ".lan", ".localdomain", ".svc")
METADATA_NAMES = (
    "metadata",
    "metadata.goog",
    "metadata.google.internal",
    "metadata.tencentyun.com",
    "instance-data",
    "instance-data.ec2.internal",
)
METADATA_ADDRESSES = frozenset(
    map(
        ip_address,
        (
            *("169.254.169.254", "fd00:ec2::254", "fd20:ce::254"),  # most clouds
            *("169.254.170.2", "169.254.170.23", "fd00:ec2::23"),  # roles of containers
            *("100.100.100.200", "168.63.129.16", "192.0.0.192", "169.254.0.23"),  # Alibaba, Azure, Oracle, Tencent
            *("169.254.42.42", "fd00:42::42"),  # Scaleway
        ),
    )
)
NAT64 = IPv6Network("64:ff9b::/96")

HOST = r"(?:\[[0-9a-fA-F:.]+\]|[^\s/?#@\\:%\[\]*]+)"
PLAIN = re.compile(rf"(?P<wild>\*\.)?(?P<host>{HOST})(?::(?P<port>[0-9]+|\*))?")
FULL = re.compile(rf"(?P<scheme>https?)://(?P<host>{HOST})(?::(?P<port>[0-9]+))?(?P<path>/[^?#*\s]*)?", re.IGNORECASE)
UNRESERVED = re.compile("%([0-9a-fA-F]{2})")

Address = IPv4Address | IPv6Address


class BadAddress(ValueError):
    """An address that is denied whatever the lists say."""

    def __init__(self, rule: str, why: str) -> None:
        super().__init__(why)
        self.rule = rule


class BadPattern(ValueError):
    """Not one of the forms of P5; the text says which there are."""


@dataclass(frozen=True)
class Verdict:
    allowed: bool
    rule: str  # the one that decided: "P1" to "P14"
    why: str


@dataclass(frozen=True)
class Place:
    """What of an address the rules look at."""

    scheme: str
    host: str  # lower case, ASCII; IPv6 in brackets
    port: int
    path: str | None = None  # None: not known, as of what is encrypted

    @property
    def ip(self) -> Address | None:
        return as_ip(self.host)

    @property
    def is_local(self) -> bool:
        """An IP address, or a name that means something on this network only."""
        return self.ip is not None or "." not in self.host or f".{self.host}".endswith(LOCAL_ENDINGS)


@dataclass(frozen=True)
class Pattern:
    written: str
    host: str  # "" : any
    wild: bool = False  # the host and its subdomains
    scheme: str = ""  # "": http and https
    port: int | None = None  # None: none was given
    any_port: bool = False
    path: str = ""  # "": all

    def names(self, place: Place, blocks: bool) -> bool:
        """Is the host meant?"""
        if not self.host:
            return blocks or not place.is_local
        if place.host == self.host:
            return blocks or not (self.wild and place.is_local)
        below = place.ip is None and place.host.endswith(f".{self.host}")
        return below and (blocks or (self.wild and not place.is_local))

    def has_scheme(self, place: Place) -> bool:
        return self.scheme in ("", place.scheme)

    def has_port(self, place: Place, blocks: bool) -> bool:
        if self.any_port or (blocks and self.port is None):
            return True
        return place.port == (PORTS[place.scheme] if self.port is None else self.port)

    def has_path(self, place: Place, blocks: bool) -> bool:
        if place.path is None:
            return not (self.path and blocks)  # there may be a path that is allowed
        return not self.path or place.path == self.path or place.path.startswith(f"{self.path}/")

    def matches(self, place: Place, blocks: bool) -> bool:
        fits = self.has_scheme(place) and self.has_port(place, blocks) and self.has_path(place, blocks)
        return fits and self.names(place, blocks)


@dataclass(frozen=True)
class Rules:
    allow: Sequence[str] | None = None  # None: no restriction but P1 to P4 and P11 to P14
    block: Sequence[str] = ()
    listed: Sequence[str] = ()  # allowed beside `allow`, such as where a person said to begin
    own_ports: Sequence[int] = ()  # of this machine, where Handeye itself listens: never contacted (P14)

    @property
    def has_paths(self) -> bool:
        return any(pattern.path for pattern in (*self.allowing, *self.blocking))

    @cached_property
    def allowing(self) -> tuple[Pattern, ...]:
        return good_patterns((*(self.allow or ()), *self.listed))

    @cached_property
    def blocking(self) -> tuple[Pattern, ...]:
        return good_patterns(self.block)

    def check(self) -> None:
        """Raises BadPattern at the first pattern that is none."""
        for written in (*(self.allow or ()), *self.block):
            read_pattern(written)

    def judge(self, url: str) -> Verdict:
        """May this address be contacted?"""
        try:
            place = read_address(url)
        except BadAddress as error:
            return Verdict(False, error.rule, str(error))
        return Verdict(True, "P2", "the blank page") if place is None else self.judge_place(place)

    def judge_place(self, place: Place) -> Verdict:
        if is_metadata(place.host):
            return Verdict(False, "P12", f"{place.host} is where clouds tell their secrets")
        for pattern in self.blocking:
            if pattern.matches(place, blocks=True):
                return Verdict(False, "P10", f"blocked by {pattern.written}")
        for pattern in self.allowing:
            if pattern.matches(place, blocks=False):
                rule = "P11" if place.is_local else "P9" if pattern.path else "P6" if pattern.host else "P5"
                return Verdict(True, rule, f"allowed by {pattern.written}")
        if place.is_local and not any(pattern.names(place, blocks=False) for pattern in self.allowing):
            kind = "an IP address" if place.ip else "a local name"
            return Verdict(False, "P11", f"{place.host} is {kind}, and those must be allowed by their very host")
        if self.allow is None and not place.is_local:
            return Verdict(True, "P10", "no list of what is allowed was given, so nothing is restricted to one")
        if not self.allowing:
            why = "nothing is allowed" if not self.allow else "none of what is allowed is a pattern"
            return Verdict(False, "P5" if self.allow else "P10", why)
        return Verdict(False, *self._nearest(place))

    def is_listed(self, place: Place) -> bool:
        """Is it allowed by its very host, and so trusted to be an address of this network (P11, P13)?"""
        return any(
            pattern.host == place.host and not pattern.wild and pattern.matches(place, blocks=False)
            for pattern in self.allowing
        )

    def _nearest(self, place: Place) -> tuple[str, str]:
        """The rule and the reason by which the patterns for this host, if any, do not allow the place."""
        near = [pattern for pattern in self.allowing if pattern.names(place, blocks=False)]
        if not near:
            return "P6", f"{place.host} is not allowed"
        near = [pattern for pattern in near if pattern.has_scheme(place)]
        if not near:
            return "P8", f"{place.host} is not allowed over {place.scheme}"
        if not any(pattern.has_port(place, blocks=False) for pattern in near):
            return "P7", f"{place.host} is not allowed at port {place.port}"
        return "P9", f"of {place.host}, {place.path} is not allowed"


def read_address(url: str) -> Place | None:
    """None: the blank page. Raises BadAddress."""
    try:
        read = URL(url)
    except ValueError as error:  # half a character, which has no UTF-8 form, too
        raise BadAddress("P1", "this is no address that a browser could open") from error
    if read.href == BLANK:
        return None
    scheme = read.protocol.removesuffix(":")
    if scheme not in PORTS:
        raise BadAddress("P2", f"pages are http or https, not {scheme}")
    if read.username or read.password:
        raise BadAddress("P3", "an address must not carry a name or password")
    host = plain_host(read.hostname)
    return Place(scheme, host, int(read.port) if read.port else PORTS[scheme], plain_path(read.pathname))


def plain_host(host: str) -> str:
    """Without one root dot. Raises BadAddress when a label is empty."""
    host = host.removesuffix(".")
    if not all(host.split(".")):
        raise BadAddress("P4", f"the host {host!r} has an empty label")
    return host


def plain_path(path: str) -> str:
    """Letters, digits and -._~ as themselves, other escapes in capitals; dots were resolved by the parser."""

    def plain(found: re.Match[str]) -> str:
        letter = chr(int(found[1], 16))
        return letter if letter.isascii() and (letter.isalnum() or letter in "-._~") else found[0].upper()

    return UNRESERVED.sub(plain, path)


def read_pattern(written: object) -> Pattern:
    """Raises BadPattern."""
    if written == "*":
        return Pattern("*", "")
    text = written if isinstance(written, str) else ""
    found = FULL.fullmatch(text) or PLAIN.fullmatch(text)
    if not found:
        raise BadPattern(
            f"{str(written)[:100]!r} is no pattern; there are: *, host, *.host, host:port, host:*, "
            "scheme://host[:port][/path]"
        )
    parts = {"scheme": "", "wild": "", "path": "", **found.groupdict(default="")}
    port = parts["port"]
    if parts["wild"] and port:
        raise BadPattern(f"{text[:100]!r} has a port after *.host; give each host with its port")
    try:
        read = URL(f"http://{parts['host']}{parts['path']}")
        host = plain_host(read.hostname)
    except ValueError as error:
        raise BadPattern(f"{text[:100]!r} names no host") from error
    if port not in ("", "*") and (len(port) > 5 or int(port) > 65535):
        raise BadPattern(f"{text[:100]!r} has no port from 0 to 65535")
    number = int(port) if port not in ("", "*") else None
    path = plain_path(read.pathname).removesuffix("/") if parts["path"] else ""
    return Pattern(text, host, bool(parts["wild"]), parts["scheme"].lower(), number, port == "*", path)


def good_patterns(written: Iterable[object]) -> tuple[Pattern, ...]:
    """Those that are patterns; the others match nothing."""
    found = []
    for each in written:
        try:
            found.append(read_pattern(each))
        except BadPattern:
            continue
    return tuple(found)


def is_metadata(host: str) -> bool:
    """By name or by address, also where IPv6 carries an IPv4 address."""
    ip = as_ip(host)
    if ip is None:
        return host in METADATA_NAMES
    return is_metadata_ip(ip)


def is_metadata_ip(ip: Address) -> bool:
    return any(each in METADATA_ADDRESSES for each in (ip, *carried(ip)))


def is_public(ip: Address) -> bool:
    """Is it an address of the internet, also where IPv6 carries an IPv4 address?"""
    return all(each.is_global and not each.is_multicast for each in (ip, *carried(ip)))


def carried(ip: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses inside: mapped, compatible, 6to4, Teredo, NAT64."""
    if isinstance(ip, IPv4Address):
        return ()
    found = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in NAT64 or (int(ip) >> 32 == 0 and int(ip) > 1):
        found.append(IPv4Address(int(ip) & 0xFFFFFFFF))
    return tuple(each for each in found if each is not None)


def as_ip(host: str) -> Address | None:
    """host: as `plain_host` gives it, IPv6 in brackets."""
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def origin(url: str) -> str:
    """The pattern that allows exactly the address's scheme, host and port. Raises BadAddress."""
    place = read_address(url)
    if place is None:
        raise BadAddress("P2", "the blank page has no origin")
    return f"{place.scheme}://{place.host}:{place.port}"
