"""app/kept.py: each browser's own things, by a name that nobody guesses; the oldest give way."""

from app.kept import MOST, Kept


class Thing:
    closed = False

    def close(self) -> None:
        self.closed = True


def test_the_one_longest_unused_gives_way_and_is_closed() -> None:
    kept: Kept[Thing] = Kept()
    things = [Thing() for _ in range(MOST)]
    names = [kept.put(thing) for thing in things]
    assert len(set(names)) == MOST and min(map(len, names)) >= 20
    assert kept.get(names[0]) is things[0]
    kept.put(Thing())
    assert kept.get(names[0]) is things[0] and kept.get(names[1]) is None
    assert [thing.closed for thing in things] == [False, True, *[False] * (MOST - 2)]


def test_what_is_dropped_is_closed_and_so_is_all_at_the_end() -> None:
    kept: Kept[Thing] = Kept()
    one, other = Thing(), Thing()
    name = kept.put(one)
    kept.put(other)
    kept.drop(name)
    assert one.closed and not other.closed and kept.get(name) is None
    kept.drop("")
    kept.close()
    assert other.closed and kept.get(None) is None
