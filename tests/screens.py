"""A small computer for the tests of the loop: coloured screens, one more after each action unless told otherwise."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

from tools.actions import Action
from tools.environment import EnvironmentLost, Screenshot


class Screens:
    """An Environment whose screen is a colour that counts the changes.

    changes: does this action change the screen? result: what to say of it; may raise. lost_at: which look fails.
    """

    def __init__(
        self,
        changes: Callable[[Action], bool] = lambda action: True,
        result: Callable[[Action], str] = lambda action: "",
        lost_at: int = -1,
        size: tuple[int, int] = (280, 140),
    ) -> None:
        self.changes, self.result, self.lost_at, self.size = changes, result, lost_at, size
        self.done: list[Action] = []
        self.shade = 0
        self.looks = 0

    def screenshot(self) -> Screenshot:
        self.looks += 1
        if self.looks - 1 == self.lost_at:
            raise EnvironmentLost("the screen is gone")
        return Screenshot(Image.new("RGB", self.size, (self.shade % 256, 80, 80)), f"Screen {self.shade}")

    def perform(self, action: Action) -> str:
        said = self.result(action)
        self.done.append(action)
        self.shade += self.changes(action)
        return said

    def close(self) -> None:
        pass
