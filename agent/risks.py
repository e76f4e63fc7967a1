"""Risks: why an action might not be undone, or is not what the person asked for. Pure functions; no model is asked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from tools.actions import Action, Click, Drag, Goto, Move, Press, Scroll, SwitchTab, Type, Wait
from tools.keys import parse_keys
from tools.targets import Target
from tools.url_rules import BadAddress, read_address

# What buttons say that send, pay, delete, grant or run; English and Chinese.
WORDS = re.compile(
    r"\b(?:submit|send|post|publish|reply|pay|buy|purchase|place\s+order|order\s+now|check\s?out|donate|transfer|withdraw|"
    r"subscribe|unsubscribe|delete|remove|erase|destroy|discard|wipe|empty|reset|deactivate|close\s+account|grant|allow|"
    r"authori[sz]e|approve|accept|agree|confirm|install|uninstall|run|execute|download|upload|share|invite|register|"
    r"sign\s+up|sign\s+in|log\s+in|deploy|merge|revoke|disable|save|ok|yes|continue\s+to\s+payment)\b"
    r"|提交|发送|发布|发表|回复|支付|付款|购买|下单|结算|结账|捐|转账|订阅|删除|移除|清空|清除|注销|重置|授权|允许|同意|"
    r"批准|确认|确定|接受|安装|卸载|运行|执行|下载|上传|分享|邀请|注册|登录|提现|停用|撤销|保存",
    re.IGNORECASE,
)
FILES = re.compile(
    r"\.(exe|msi|dmg|pkg|deb|rpm|apk|appimage|sh|bat|cmd|ps1|jar|zip|gz|tgz|xz|7z|rar|iso|img|bin|py|js|vbs|scr|docm|xlsm)$",
    re.IGNORECASE,
)
SAID = {
    "again": "the page asked: {about}; the same again says yes",
    "leaves": "it leaves the task's sites for {about}",
    "foreign": "it is in a page of another site, {about}",
    "words": "its words are not from the task",
    "deletes": "it may delete something",
    "form": "it sends a form",
    "saves": "it saves a file",
    "program": "it opens another program, {about}",
    "named": "“{about}” may not be undone",
}
FIELDS = {"textbox", "searchbox", "text", "search", "email", "url", "tel", "number", "password", "date", "time", "list"}
SITE = re.compile(
    r"(?:https?://)?(?:[\w-]+(?:\.[\w-]+)+|localhost|\[[0-9a-f:]+\])(?::\d+)?"
)  # what may be a host among a person's words
READS = (Move, Scroll, Wait, SwitchTab)


@dataclass(frozen=True)
class Risk:
    kind: str  # a key of SAID
    about: str = ""

    def __str__(self) -> str:
        return SAID[self.kind].format(about=self.about)


def risk(action: Action, target: Target, said: Sequence[str], sites: Sequence[str]) -> Risk | None:
    """Why a person should be asked first; None when there is no reason.

    said: the task and what the person answered. sites: where the person said to begin, as hosts.
    """
    if isinstance(action, READS):
        return None
    if target.pending:
        return Risk("again", "; ".join(target.pending))
    match action:
        case Goto(url=url):
            return leaving(url, said, sites)
        case Type(text=text):
            return typing(text, target, said)
        case Press(keys=keys):
            return pressing(keys, target, said, sites)
        case Click() | Drag():
            return clicking(target, said, sites)
    return None


def leaving(address: str, said: Sequence[str], sites: Sequence[str]) -> Risk | None:
    host = host_of(address)
    named_hosts = [host_of(name) for text in said for name in SITE.findall(text)]
    return Risk("leaves", host) if host and not is_of(host, [*sites, *named_hosts]) else None


def typing(text: str, target: Target, said: Sequence[str]) -> Risk | None:
    if target.foreign:
        return Risk("foreign", target.foreign)
    pressed = ["enter"] if re.search(r"[\r\n]", text) else []
    pressed += ["space"] if " " in text else []
    if found := pressing(pressed, target, said, ()) if pressed else None:
        return found
    return None if comes_from(text, said) else Risk("words")


def pressing(keys: Sequence[str], target: Target, said: Sequence[str], sites: Sequence[str]) -> Risk | None:
    """Enter and space press what has the focus; Enter in a field sends its form."""
    try:
        pressed = set(parse_keys(keys))
    except ValueError:  # no key at all, which will be told to the model
        return None
    writes = target.role in FIELDS
    if "delete" in pressed and not writes:
        return Risk("deletes")
    if not ("enter" in pressed or ("space" in pressed and not writes)):
        return None
    if target.foreign or not writes:
        return clicking(target, said, sites)
    return Risk("form") if target.form == "post" or target.secret else named(" ".join(target.buttons))


def clicking(target: Target, said: Sequence[str], sites: Sequence[str]) -> Risk | None:
    scheme = urlsplit(target.leads_to).scheme
    if target.foreign:
        return Risk("foreign", target.foreign)
    if target.submits and (target.form == "post" or target.secret):
        return Risk("form")
    if target.downloads or FILES.search(urlsplit(target.leads_to).path):
        return Risk("saves")
    if scheme not in ("http", "https", "file", "javascript", ""):
        return Risk("program", scheme)
    if found := leaving(target.leads_to, said, sites) if target.leads_to else None:
        return found
    return None if target.role in FIELDS else named(target.name)


def named(text: str) -> Risk | None:
    found = WORDS.search(unicodedata.normalize("NFKC", text))
    return Risk("named", found[0]) if found else None


def comes_from(text: str, said: Sequence[str]) -> bool:
    """Are all of its words the person's own?"""
    known = " ".join(map(plain, said))
    return all(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", known) or is_inside(word, known) for word in words(text))


def words(text: str) -> list[str]:
    return re.findall(r"[^\s,;:!?()\"“”‘’]+", plain(text).replace(". ", " ").removesuffix("."))


def plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def is_inside(word: str, known: str) -> bool:
    """Chinese and Japanese leave no room between words."""
    return bool(re.fullmatch(r"[\u3040-\u30ff\u3400-\u9fff。，、]+", word)) and word in known


def host_of(address: str) -> str:
    """ "" for what is on no host, and for what no browser opens."""
    try:
        place = read_address(address if re.match(r"[a-z][a-z0-9+.-]*:(?!\d)", address) else f"https://{address}")
    except BadAddress:
        return ""
    if place is None:
        return ""
    return f"{place.host}:{place.port}" if place.is_local else place.host


def is_of(host: str, sites: Sequence[str]) -> bool:
    """Is it one of the sites, or below one?"""
    known = [site.removeprefix("www.") for site in sites if site]
    return any(host == site or host.endswith(f".{site}") for site in known)
