"""Shown: which pictures a server has, and whether it sees them in the size they are sent in."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Any

from model.local.turns import Turns
from model.remote.server import Refusal, Server
from model.remote.wire import Picture, Turn, written
from tools.errors import UserError

REMEMBERED = 512  # pictures; a server forgets the oldest, too
MISSES = 3  # so often it had forgotten, without a hit in between: names are no longer tried
SLACK = 4  # tokens: words beside a picture may be cut in another way
FRAME = 2  # tokens around a picture: where it begins and ends
WORD = "."

log = logging.getLogger(__name__)


class Shown:
    """Finds out by trying, with requests of one token: once with the first picture, and with one larger or smaller."""

    def __init__(self, server: Server, id: str) -> None:
        self.server = server
        self.id = id
        self.turns = Turns()  # one trial at a time
        self.lock = threading.Lock()  # of what follows
        self.had: OrderedDict[str, None] = OrderedDict()  # uuids of pictures, least lately used first
        self.takes_names: bool | None = None  # is the uuid enough for a picture it has had? None: not tried yet
        self.misses = 0
        self.words_alone = 0  # tokens of the trial's prompt without a picture
        self.checked: tuple[int, int] | None = None  # fewest and most tokens of a picture seen in the right size

    def check(self, pictures: Sequence[Picture], cancelled: threading.Event) -> None:
        """Raises UserError when the server changes a picture's size, as all places in its replies would be wrong."""
        if not pictures:
            return
        sizes = sorted(pictures, key=lambda picture: picture.grid.tokens)
        with self.turns.turn(cancelled):
            for picture in (sizes[0], sizes[-1]):
                tokens = picture.grid.tokens
                if self.checked is None or not self.checked[0] <= tokens <= self.checked[1]:
                    self.measure(picture, cancelled)
                    fewest, most = self.checked or (tokens, tokens)
                    self.checked = (min(fewest, tokens), max(most, tokens))

    def measure(self, picture: Picture, cancelled: threading.Event) -> None:
        base, size = self.server.address.base, picture.grid.resized
        self.words_alone = self.words_alone or self.tokens((WORD,), cancelled)
        whole = self.tokens((WORD, picture), cancelled)
        if not self.words_alone or not whole:
            log.warning("%s does not count tokens: whether it changes pictures cannot be known", base)
            return
        found, wanted = whole - self.words_alone - FRAME, picture.grid.tokens
        if abs(found - wanted) > SLACK:
            raise UserError(
                f"{base} sees a picture of {size} as {found} tokens instead of {wanted}: it changes the size of "
                "pictures, and clicks would land beside their targets; start it so that it leaves them as they are "
                "(vLLM: without max_pixels; llama.cpp: with a larger --image-max-tokens)",
                f"{base} 会改变图片尺寸（{size} 应为 {wanted} 个词元，实为 {found}），点击位置会出错；"
                "请放宽服务器的图片尺寸限制",
            )
        if self.takes_names is None:
            self.takes_names = self.tokens_by_name(picture, cancelled) == whole
            log.info("%s takes pictures by name: %s", base, self.takes_names)
        self.remember([picture])

    def tokens(self, parts: tuple[str | Picture, ...], cancelled: threading.Event, known: Collection[str] = ()) -> int:
        """Of a prompt, as the server counts them; 0 when it does not say."""
        messages = written([Turn("user", parts)], known)
        body: dict[str, Any] = {"model": self.id, "messages": messages, "max_tokens": 1, "temperature": 0.0}
        told = self.server.ask(body, cancelled).get("usage") or {}
        return int(told.get("prompt_tokens") or 0)

    def tokens_by_name(self, picture: Picture, cancelled: threading.Event) -> int:
        try:
            return self.tokens((WORD, picture), cancelled, {picture.uuid})
        except Refusal:
            return 0

    def known(self, pictures: Sequence[Picture]) -> frozenset[str]:
        """The uuids of those that need not be sent again."""
        if not self.takes_names:
            return frozenset()
        with self.lock:
            return frozenset(picture.uuid for picture in pictures if picture.uuid in self.had)

    def remember(self, pictures: Sequence[Picture]) -> None:
        """The server has them."""
        with self.lock:
            for picture in pictures:
                self.had.pop(picture.uuid, None)
                self.had[picture.uuid] = None
            while len(self.had) > REMEMBERED:
                self.had.popitem(last=False)

    def found(self, uuids: Collection[str]) -> None:
        """The server knew them by name."""
        with self.lock:
            self.misses = 0 if uuids else self.misses

    def forget(self, uuids: Collection[str]) -> None:
        """The server has them no longer."""
        with self.lock:
            self.misses += 1
            for uuid in uuids:
                self.had.pop(uuid, None)
            if self.misses >= MISSES:
                self.takes_names = False
