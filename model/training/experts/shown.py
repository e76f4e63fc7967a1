"""Steps that depend on what shows already: scrolling to what does not, and waiting for what is about to."""

from __future__ import annotations

from collections.abc import Iterator

from model.training.dom import scaled
from model.training.experts.aims import clicked
from model.training.experts.steps import Decision, Expert, Look, Lost, Want
from tools.actions import Scroll, Wait
from tools.geometry import Box

MOST = 30  # scrolls, waits or presses in search of one thing, after which something is wrong
NOTCH = 120.0  # screenshot pixels of one scroll; about two rows of a list
WAIT_S = 1.0  # menus and lists that open by themselves take 0.3 s
WHOLE = """(nodes, [width, height]) => {
  const hits = (node, x, y) => node.contains(document.elementFromPoint(x, y));
  const whole = (node, r) => r.right <= width && r.bottom <= height
    && [r.top + 2, r.bottom - 2].every(y => hits(node, (r.left + r.right) / 2, y));
  return nodes.map(node => [node, node.getBoundingClientRect()]).filter(([node, r]) => whole(node, r))
    .map(([_, r]) => [r.left, r.top, r.right, r.bottom]);
}"""
STILL = """() => new Promise(done => {
  let before = '', same = 0;
  const look = () => {
    const now = [...document.querySelectorAll('*')].map(node => node.scrollTop).join();
    const moves = window.jQuery && jQuery(':animated').length > 0;
    same = now === before && !moves ? same + 1 : 0;
    before = now;
    if (same > 2) done(); else requestAnimationFrame(look);
  };
  look();
})"""


def shown(look: Look, selector: str) -> Box | None:
    """The first of the page's elements of that selector that is wholly visible."""
    found = look.page.eval_on_selector_all(selector, WHOLE, [look.area.width, look.area.height])
    return scaled(found[0], look.scale) if found else None


def reach(thought: str, selector: str, look: Look) -> Iterator[Decision]:
    """Scroll down where the pointer is until the thing shows, and click it. Raises Lost."""
    for _ in range(MOST):
        if box := shown(look, selector):
            yield clicked(thought, box)
            return
        yield scrolled("Scroll down.", NOTCH)
        rest(look)
    raise Lost(f"no scrolling shows {selector}")


def scrolled(thought: str, dy: float) -> Decision:
    return Decision(thought, Scroll(dy), None)


def await_shown(thought: str, selector: str, look: Look) -> Iterator[Decision]:
    """Wait until the thing shows."""
    for _ in range(MOST):
        if shown(look, selector):
            return
        yield Decision(thought, Wait(WAIT_S), None)
    raise Lost(f"no waiting shows {selector}")


def at_rest(expert: Expert) -> Expert:
    """The same expert, who looks only once the page has come to rest, as the agent's browser does."""

    def patient(said: str, look: Look) -> Iterator[Want | Decision]:
        for step in expert(said, look):
            yield step
            rest(look)

    return patient


def rest(look: Look) -> None:
    """Return when nothing unfolds, fades or scrolls any more."""
    look.page.evaluate(STILL)
