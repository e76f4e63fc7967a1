"""Which MiniWoB++ tasks may be trained on, which are for development tests, and how often chance solves them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tools.errors import UserError
from tools.miniwob import task_page
from tools.pages import KINDS

# May be trained on.
T = (
    *("click-test", "click-test-2", "click-test-transfer", "click-button", "click-link"),
    *("click-tab", "click-tab-2-easy", "click-tab-2-medium", "click-tab-2"),
    *("click-collapsible", "click-collapsible-nodelay", "click-collapsible-2", "click-collapsible-2-nodelay"),
    *("click-dialog", "click-menu", "unicode-test", "ascending-numbers", "click-widget", "focus-text"),
    *("click-checkboxes", "click-checkboxes-large", "click-checkboxes-soft", "odd-or-even"),
    *("choose-list", "click-scroll-list", "number-checkboxes", "click-shape", "click-shades", "count-shape"),
    *("drag-shapes", "drag-single-shape", "enter-text", "enter-text-2", "enter-password", "enter-date", "enter-time"),
    *("text-transform", "simple-arithmetic", "simple-algebra", "copy-paste", "copy-paste-2", "find-word"),
    *("scroll-text", "scroll-text-2", "visual-addition", "form-sequence", "form-sequence-3"),
    *("email-inbox-delete", "email-inbox-important", "email-inbox-forward", "email-inbox-reply", "social-media"),
    *("use-autocomplete", "use-autocomplete-nodelay", "use-spinner", "use-slider", "choose-date-easy"),
    *("highlight-text", "highlight-text-2", "drag-box", "drag-circle", "drag-items"),
    *("resize-textarea", "generate-number"),
)
# Never trained on, scored freely while developing.
D = (
    *("click-checkboxes-transfer", "click-tab-2-hard", "count-sides", "enter-text-dynamic", "search-engine"),
    *("social-media-some", "email-inbox-noscroll", "email-inbox-nl-turk", "grid-coordinate", "click-pie-nodelay"),
    *("order-food", "use-slider-2", "drag-items-grid", "choose-date-medium"),
)
PRACTICE = "practice-"  # a task of this prefix is a practice page of ours, any other one of MiniWoB++
# Practice pages of our own; their seeds below 100,000 are never trained on.
P = tuple(f"{PRACTICE}{kind}" for kind in KINDS)
LISTS = {"T": T, "D": D, "P": P}

# Share of episodes that up to five clicks at random below the instruction solve, of 24 seeds each: the tasks where
# chance matters most. For the others `bench miniwob --random` measures it.
CHANCE = {
    "click-test": 0.58,
    "focus-text": 0.50,
    "click-widget": 0.29,
    "unicode-test": 0.25,
    "click-test-2": 0.25,
    "click-button": 0.25,
    "click-tab": 0.21,
    "click-dialog": 0.21,
    "click-checkboxes-transfer": 0.21,
}


def read_tasks(given: str) -> tuple[str, ...]:
    """Task names of "T", "D", "P", names parted by commas, or a file of names; in order, each once.

    In a file, names stand apart by space, comma or line; what follows a # is a comment. Raises UserError.
    """
    if given in LISTS:
        return LISTS[given]
    text = given
    path = Path(given).expanduser()
    if "," not in given and path.is_file():  # many names are too long to ask the file system about
        text = "\n".join(line.split("#")[0] for line in path.read_text(encoding="utf-8").splitlines())
    names = tuple(dict.fromkeys(name for name in re.split(r"[\s,]+", text) if name))
    if not names:
        raise UserError(f"no tasks in {given!r}; give T, D, P, names parted by commas, or a file of names")
    for name in names:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
            raise UserError(
                f"{name!r} is neither a task's name nor a file; give T, D, P, names such as click-test, or a file"
            )
    return names


def check(task: str) -> None:
    """Raises UserError when there is no such task."""
    if not task.startswith(PRACTICE):
        task_page(task)
    elif task not in P:
        raise UserError(f"there is no practice page {task!r}; there are {', '.join(P)}")


def read_seeds(given: str) -> range:
    """ "3:7" → 3, 4, 5, 6. Raises UserError."""
    found = re.fullmatch(r"(\d{1,9}):(\d{1,9})", given)
    if found is None or int(found[1]) >= int(found[2]):
        raise UserError(f"{given!r} is no range of seeds; give first:end, as 0:50 for the fifty from 0 to 49")
    return range(int(found[1]), int(found[2]))


def reserved(tasks: Sequence[str]) -> tuple[str, ...]:
    """Those in no list: kept for the final score, so neither trained on nor looked at before."""
    return tuple(task for task in tasks if not any(task in known for known in LISTS.values()))
