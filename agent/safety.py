"""Who may say no to an action before it is done. What a model says changes nothing here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from agent import prompts
from agent.risks import Risk, host_of, risk
from agent.trajectory import describe
from tools.actions import Action, Click, Goto, Press, Type, points
from tools.environment import Screenshot
from tools.geometry import Point
from tools.targets import Target

ASK_S = 300.0  # a leave that nobody gives in this time is refused
NEAR_PX = 20  # around the place of an action; what changes farther away is no reason to ask again
UNKNOWN = Target()
LEVELS = ("always", "irreversible", "never")
Level = Literal["always", "irreversible", "never"]


class Refused(Exception):
    """An action that must not be done; the text is written for the model and says what to do instead."""


class Denied(Exception):
    """A person said no, or nobody said yes: the run ends. The text is for a person."""


@dataclass(frozen=True)
class Request:
    """What a person is asked for: exactly this action, on exactly this screen."""

    action: Action
    screenshot: Screenshot
    target: Target = UNKNOWN
    reason: Risk | None = None  # why it is asked; None: because everything is

    @property
    def aim(self) -> str:
        """What the browser says is there, in one line; "" where it knows nothing."""
        name = f"“{self.target.name}”" if self.target.name else ""
        leads = f"→ {self.target.leads_to}" if self.target.leads_to else ""
        return " ".join(filter(None, [self.target.role, name, leads]))


class Policy(Protocol):
    def check(self, action: Action, screenshot: Screenshot) -> None:
        """Called with every action of a call before the first of them is done. Raises Refused, Denied."""
        ...

    def heard(self, words: str) -> None:
        """The person has said this too, to a question of the model."""
        ...


class AllowAll:
    """No limits: for pages and machines where nothing can be harmed."""

    def check(self, action: Action, screenshot: Screenshot) -> None:
        pass

    def heard(self, words: str) -> None:
        pass


def no_target(action: Action) -> Target:
    return UNKNOWN


class Approvals:
    """Nothing is done without a person's leave: nothing at all, or nothing that may not be undone or was not asked for.

    A leave is for one action on one screen; where that screen has changed since, it is void.
    """

    def __init__(
        self,
        ask: Callable[[Request], bool],
        look: Callable[[], Screenshot],
        *,
        always: bool = False,
        task: str = "",
        start: str = "",
        find: Callable[[Action], Target] = no_target,
        grant: Callable[[bool], None] = lambda allowed: None,
    ) -> None:
        """ask: may this be done? Blocks until there is an answer. look: the screen as it is now.

        task, start: what the person said to do, and where. find: what is known of what an action is aimed at.
        grant: is told of every action that is about to be done whether a person has allowed just this one.
        """
        self.ask, self.look, self.find, self.always = ask, look, find, always
        self.grant, self.said = grant, [task]
        self.sites = [host] if (host := host_of(start)) else []
        self._screen: Screenshot | None = None  # of the call whose actions are being checked
        self._clicked: Target | None = None  # by an earlier action of that call: it will have the keyboard

    def heard(self, words: str) -> None:
        self.said.append(words)

    def check(self, action: Action, screenshot: Screenshot) -> None:
        if screenshot is not self._screen:
            self._screen, self._clicked = screenshot, None
        typed_there = self._clicked if isinstance(action, Type | Press) else None
        target = typed_there or self.find(action)
        if isinstance(action, Click):
            self._clicked = target
        reason = risk(action, target, self.said, self.sites)
        if not (self.always or reason):
            self.grant(False)
            return
        if not self.ask(Request(action, screenshot, target, reason)):
            raise Denied("; ".join(map(str, filter(None, [describe(action), reason]))))
        now = self.look()
        unchanged = all(is_same_near(point, screenshot, now) for point in points(action))
        elsewhere = now.url != screenshot.url or (not now.url and now.title != screenshot.title)
        if not unchanged or elsewhere or (typed_there or self.find(action)) != target:
            raise Refused(prompts.CHANGED)
        self.sites += filter(None, [host_of(action.url if isinstance(action, Goto) else target.leads_to)])
        self.grant(True)


def is_same_near(point: Point, before: Screenshot, now: Screenshot) -> bool:
    """Do two screens look alike around the point?"""
    around = (int(point.x) - NEAR_PX, int(point.y) - NEAR_PX, int(point.x) + NEAR_PX, int(point.y) + NEAR_PX)
    return before.size == now.size and before.image.crop(around).tobytes() == now.image.crop(around).tobytes()
