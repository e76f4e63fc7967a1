"""Which of the texts that a model said is which of the texts that stand on a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

UNLIKE = 0.8  # edits a letter: two texts that differ more are not the same one
INSIDE, SHORTEST = 80, 4  # percent of the shorter text that stands in the longer one, and its least letters
MATH = re.compile(r"\\[\[\]()]|\\(?:begin|end)\{(?:equation|displaymath)\*?\}|\s+|\$")

Pair = tuple[tuple[int, ...], tuple[int, ...]]  # which of the truths, which of the said; one of them may be empty


def bare_latex(text: str) -> str:
    """Without blanks and without what only says that it is a formula."""
    return MATH.sub("", text)


def distance(truth: str, said: str) -> float:
    """Edits for each letter of the longer one."""
    return float(Levenshtein.normalized_distance(truth, said))


def pairs(truths: Sequence[str], said: Sequence[str], merge: bool = True) -> list[Pair]:
    """Every text of both in exactly one pair, the likest first. merge: neighbours may be one text on the other side.

    A text that is like no other stands alone. A neighbour is taken into a pair where that makes the pair more alike.
    """
    matched = likest(truths, said)
    if merge:
        matched += contained(truths, said, matched)
    found: list[Pair] = [((one,), (other,)) for one, other in matched]
    loose_truths = set(range(len(truths))) - {one for one, _ in matched}
    loose_said = set(range(len(said))) - {other for _, other in matched}
    if merge:
        found = grown(found, loose_said, lambda pair, ats: unlike(truths, said, (pair[0], ats)), side=1)
        found = grown(found, loose_truths, lambda pair, ats: unlike(truths, said, (ats, pair[1])), side=0)
    alone: list[Pair] = [((at,), ()) for at in sorted(loose_truths)]
    return found + alone + [((), (at,)) for at in sorted(loose_said)]


def likest(truths: Sequence[str], said: Sequence[str]) -> list[tuple[int, int]]:
    """One to one, the likest two of those that are left first."""
    if not truths or not said:
        return []
    costs = cdist(truths, said, scorer=Levenshtein.normalized_distance, dtype=np.float32)
    found = []
    for flat in np.argsort(costs, axis=None, kind="stable"):
        one, other = divmod(int(flat), len(said))
        if costs[one, other] > UNLIKE:  # or one of them is taken
            continue
        found.append((one, other))
        costs[one, :] = costs[:, other] = np.inf
    return found


def contained(truths: Sequence[str], said: Sequence[str], matched: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of what is left, texts of which one stands in the other, the longest first: each a beginning for its neighbours.

    So a paragraph is found again of which every line was said alone, or the other way round.
    """
    ones, others = {one for one, _ in matched}, {other for _, other in matched}
    ways = [
        (min(len(truths[one]), len(said[other])), one, other)
        for one in range(len(truths))
        for other in range(len(said))
        if one not in ones and other not in others
    ]
    found = []
    for length, one, other in sorted(ways, key=lambda way: (-way[0], way[1:])):
        is_new = one not in ones and other not in others
        if length >= SHORTEST and is_new and fuzz.partial_ratio(truths[one], said[other]) >= INSIDE:
            found.append((one, other))
            ones.add(one)
            others.add(other)
    return found


def grown(
    found: list[Pair], loose: set[int], unlike: Callable[[Pair, tuple[int, ...]], float], side: int
) -> list[Pair]:
    """Loose neighbours taken into the pairs, and out of `loose`, as long as that makes a pair more alike."""
    done = []
    for pair in found:
        ats = pair[side]
        while True:
            ways = [tuple(sorted((*ats, at))) for at in (ats[0] - 1, ats[-1] + 1) if at in loose]
            best = min(ways, key=lambda way: unlike(pair, way), default=None)
            if best is None or unlike(pair, best) >= unlike(pair, ats):
                break
            loose.difference_update(best)
            ats = best
        done.append((pair[0], ats) if side else (ats, pair[1]))
    return done


def unlike(truths: Sequence[str], said: Sequence[str], pair: Pair) -> float:
    return distance("".join(truths[at] for at in pair[0]), "".join(said[at] for at in pair[1]))
