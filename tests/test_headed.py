"""A browser in a window of its own, on a display that nobody sees (Xvfb)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from conftest import Site

from tools.actions import Click, CloseTab
from tools.browser import Browser
from tools.environment import EnvironmentLost
from tools.errors import UserError
from tools.geometry import Point, Size

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a display is always there")
PAGE = """<a target=_blank href=/tab style="position:absolute; left:20px; top:20px; font-size:40px">open</a>"""


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if shutil.which("Xvfb") is None:
        pytest.skip("needs Xvfb")
    told, tells = os.pipe()
    command = ["Xvfb", "-displayfd", str(tells), "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[tells], stderr=subprocess.DEVNULL) as server, os.fdopen(told) as number:
        os.close(tells)
        monkeypatch.setenv("DISPLAY", f":{number.readline().strip()}")
        yield
        server.terminate()


@pytest.mark.usefixtures("display")
def test_a_window_larger_than_the_display_is_seen_whole_and_used_like_any_other(site: Site) -> None:
    site.put("/tab", "another")
    with Browser(site.put("/page", PAGE), viewport=Size(1000, 700), scale=1.25, headed=True) as browser:
        assert browser.screenshot().size == Size(1250, 875)
        browser.perform(Click(Point(60, 60)))
        assert (browser.screenshot().title, browser.screenshot().size) == ("tab", Size(1250, 875))
        browser.perform(CloseTab())
        assert browser.screenshot().title == "page"
        browser.page.close()  # as a person closes the window
        with pytest.raises(EnvironmentLost, match="closed"):
            browser.screenshot()


def test_without_a_display_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match=r"leave out --headed, or start Handeye through xvfb-run"):
        Browser(headed=True)
