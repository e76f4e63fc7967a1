"""Sizes, points and boxes, always in pixels of one screenshot (or page, or frame)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True)
class Point:
    x: float
    y: float

    def inside(self, size: Size) -> bool:
        """Does the point lie on a pixel of a picture of this size?"""
        return 0 <= self.x < size.width and 0 <= self.y < size.height

    def __str__(self) -> str:
        return f"({self.x:.0f}, {self.y:.0f})"


@dataclass(frozen=True)
class Box:
    """Corners in pixels; right and bottom are edges, so width = right - left."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def from_xywh(cls, x: float, y: float, width: float, height: float) -> Box:
        return cls(x, y, x + width, y + height)

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def center(self) -> Point:
        return Point((self.left + self.right) / 2, (self.top + self.bottom) / 2)

    def contains(self, point: Point) -> bool:
        """Edges count as inside, as the ScreenSpot metric has it."""
        return self.left <= point.x <= self.right and self.top <= point.y <= self.bottom
