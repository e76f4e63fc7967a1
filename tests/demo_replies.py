"""What a model says in the demo that reads and points well."""

from __future__ import annotations

from collections.abc import Iterator

from app import address_book
from model.computer_use import call
from model.families import TINY
from tools.browser import Browser
from tools.geometry import Point


def replies(person: str) -> Iterator[str]:
    """To reach this person; the places are read from the page beforehand."""
    view = address_book.VIEW
    with address_book.serve() as book, Browser(book.url, viewport=view, scale=TINY.device_scale) as browser:

        def click(selector: str) -> str:
            box = browser.page.locator(selector).bounding_box()
            assert box is not None
            middle = Point((box["x"] + box["width"] / 2), (box["y"] + box["height"] / 2))
            pixel = Point(middle.x * browser.scale, middle.y * browser.scale)
            browser.page.click(selector)
            return call("left_click", coordinate=[round(side) for side in TINY.grid(browser.size).from_pixels(pixel)])

        def write(text: str) -> str:
            browser.page.keyboard.type(text)
            return call("type", text=text)

        yield "I click the field. " + click("text=Name >> xpath=following-sibling::input")
        yield write("Anna")
        yield click("text=Search")
        yield click(f"a >> text={person}")
        yield click("text=Message >> xpath=following-sibling::input")
        yield write(address_book.TEXT)
        yield click("text=Send")
        yield call("terminate", status="success")
