"""Any Unicode text as keys of an X server, whatever its keyboard layout: what the layout lacks is lent a free key."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from Xlib import XK, X
from Xlib.display import Display as Connection

from tools.environment import ActionFailed

COLUMNS = 4  # of a lent key: two letters, plain and with Shift, in the first two groups of the layout

Slot = tuple[int, int]  # key code, column


def keysym(letter: str) -> int:
    """The name that X has for one character."""
    code = ord(letter)
    return code if 0x20 <= code <= 0x7E or 0xA0 <= code <= 0xFF else 0x01000000 | code


class Letters:
    def __init__(self, connection: Connection, let_clients_read: Callable[[], None]) -> None:
        """let_clients_read: returns when programs have understood the keys sent so far, as a lent key gets another
        letter then."""
        self.connection, self._let_clients_read = connection, let_clients_read
        self._first = connection.display.info.min_keycode
        self._count = connection.display.info.max_keycode - self._first + 1
        self._lent: OrderedDict[int, Slot] = OrderedDict()  # keysym -> its key; the one used longest ago first
        self._codes = [code for code, row in self._rows() if not any(row)]
        self._free: list[Slot] = [(code, column) for code in self._codes for column in (0, 1)]
        self._read()

    def slots(self, text: str) -> Iterator[Slot]:
        """For each character the key to press, and whether with Shift (column 1). Raises ActionFailed."""
        self._read()
        start = 0
        while start < len(text):
            end = self._lend(text, start)
            if end == start:
                raise ActionFailed(f"this keyboard has no key for {text[start]!r} and none to spare; leave it out")
            for letter in text[start:end]:
                found = self.find(keysym(letter))
                assert found is not None
                yield found
            start = end

    def find(self, symbol: int) -> Slot | None:
        """Where the layout in use has it; None: nowhere that plain or shifted keys reach."""
        return self._here.get(symbol) or self._lent.get(symbol)

    @property
    def is_lending(self) -> bool:
        return bool(self._lent)

    def restore(self) -> None:
        """The free keys are free again."""
        for code in {code for code, _ in self._lent.values()}:
            self.connection.change_keyboard_mapping(code, [[X.NoSymbol] * COLUMNS])
        self.connection.sync()
        self._lent.clear()

    def _lend(self, text: str, start: int) -> int:
        """Make as much of the text typable as there are keys for; where it ends."""
        wanted: dict[int, None] = {}
        end = start
        while end < len(text):
            symbol = keysym(text[end])
            if symbol not in self._here and symbol not in wanted:
                if len(wanted) == 2 * len(self._codes):
                    break
                wanted[symbol] = None
            end += 1
        for symbol in wanted:
            if symbol in self._lent:
                self._lent.move_to_end(symbol)
        missing = [symbol for symbol in wanted if symbol not in self._lent]
        if missing:
            if len(missing) > len(self._free):
                self._let_clients_read()
            changed = {self._take(symbol) for symbol in missing}
            for code in changed:
                self._map(code)
            self.connection.sync()
        return end

    def _take(self, symbol: int) -> int:
        slot = self._free.pop() if self._free else self._lent.popitem(last=False)[1]
        self._lent[symbol] = slot
        return slot[0]

    def _map(self, code: int) -> None:
        row = [X.NoSymbol, X.NoSymbol]
        for symbol, (its, column) in self._lent.items():
            if its == code:
                row[column] = symbol
        self.connection.change_keyboard_mapping(code, [[row[0] or row[1], row[1] or row[0]] * 2])

    def _read(self) -> None:
        """Find what the layout in use has where; a key that has but one group has it in all."""
        group = self.connection.screen().root.query_pointer().mask >> 13 & 3
        self._here: dict[int, Slot] = {}
        for code, row in self._rows():
            if code in self._codes:
                continue
            own = row[2 * group : 2 * group + 2] if group < 2 else []
            has_one = row[2:4] == row[:2] or not any(row[2:4])
            for column, symbol in enumerate(own if any(own) else row[:2] if has_one else []):
                if symbol:
                    self._here.setdefault(symbol, (code, column))

    def _rows(self) -> Iterator[tuple[int, list[int]]]:
        """Every key code with its symbols: of the first group plain and shifted, then of the second."""
        rows: Any = self.connection.get_keyboard_mapping(self._first, self._count)
        for at, row in enumerate(rows):
            yield self._first + at, list(row)


def named(name: str) -> int:
    """The keysym of a key that has a name, such as Return. Raises ValueError."""
    for group in ("xkb", "xf86"):  # ISO_Level3_Shift, volume
        XK.load_keysym_group(group)
    symbol: int = XK.string_to_keysym(name)
    if not symbol:
        raise ValueError(f"X knows no key {name}")
    return symbol
