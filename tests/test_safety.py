"""Nothing is done without a person's leave where one is needed, nor on another screen than the person saw."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from PIL import Image

from agent import prompts
from agent.risks import comes_from, risk
from agent.safety import Approvals, Denied, Refused, Request
from tools.actions import Action, Back, Click, Goto, Press, Scroll, Type, Wait
from tools.environment import Screenshot
from tools.geometry import Point
from tools.targets import Target

HERE, CLICK = Point(50, 50), Click(Point(50, 50))
TASK = 'Search for "green tea" on shop.test and tell me the price. 搜索绿茶'


def screen(*dots: tuple[int, int], url: str = "") -> Screenshot:
    image = Image.new("RGB", (200, 100), "white")
    for dot in dots:
        image.putpixel(dot, (0, 0, 0))
    return Screenshot(image, url=url)


def said(policy: Approvals, action: Action) -> str:
    try:
        policy.check(action, screen())
    except Refused as refusal:
        return str(refusal)
    except Denied as denial:
        return f"denied: {denial}"
    return "done"


def test_the_person_is_asked_about_the_very_action_and_screen() -> None:
    asked: list[Request] = []
    shown, target = screen(), Target("button", "Next")
    Approvals(lambda request: not asked.append(request), screen, always=True, find=lambda action: target).check(
        CLICK, shown
    )
    assert asked == [Request(CLICK, shown, target)] and asked[0].aim == "button “Next”"


@pytest.mark.parametrize("action", [CLICK, Type("tea"), Wait(1)])
def test_what_is_not_allowed_is_denied(action: Action) -> None:
    assert said(Approvals(lambda request: False, screen, always=True), action).startswith("denied: ")


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        (screen((55, 50)), prompts.CHANGED),
        (screen((150, 50)), "done"),
        (screen(url="https://b.test/"), prompts.CHANGED),
    ],
)
def test_a_leave_is_void_when_the_place_has_changed_since(now: Screenshot, outcome: str) -> None:
    assert said(Approvals(lambda request: True, lambda: now, always=True), CLICK) == outcome


def test_a_leave_is_void_when_the_element_has_changed_since() -> None:
    names = iter(["Delete", "Delete everything"])
    policy = Approvals(lambda request: True, screen, find=lambda action: Target("button", next(names)))
    assert said(policy, CLICK) == prompts.CHANGED


def test_only_what_may_not_be_undone_is_asked_about() -> None:
    asked: list[Request] = []
    granted: list[bool] = []
    names = iter(["Next", "Delete", "Delete"])
    policy = Approvals(
        lambda request: not asked.append(request),
        screen,
        find=lambda action: Target("button", next(names)),
        grant=granted.append,
    )
    assert said(policy, CLICK) == said(policy, CLICK) == "done"
    assert [str(request.reason) for request in asked] == ["“Delete” may not be undone"] and granted == [False, True]


def test_what_one_call_clicks_on_is_where_its_keys_go() -> None:
    form, elsewhere = Target("text", form="post"), Target("text")
    policy = Approvals(lambda request: False, screen, find=lambda action: form if action == CLICK else elsewhere)
    call = screen()
    for action in (CLICK, Press(("delete",))):
        policy.check(action, call)
    with pytest.raises(Denied, match="it sends a form"):
        policy.check(Press(("enter",)), call)
    policy.check(Press(("enter",)), screen())  # of another call, where the focus is known to be elsewhere


def test_a_site_that_a_person_has_let_it_go_to_is_one_of_the_task() -> None:
    asked: list[Request] = []
    policy = Approvals(lambda request: not asked.append(request), screen, start="https://www.shop.test/a")
    for address in ("https://shop.test/b", "https://other.test/", "https://sub.other.test/"):
        assert said(policy, Goto(address)) == "done"
    assert [str(request.reason) for request in asked] == ["it leaves the task's sites for other.test"]


def test_what_the_person_answers_may_be_typed() -> None:
    policy = Approvals(lambda request: False, screen, task="Write to Anna")
    assert said(policy, Type("Dear Anna")).endswith("its words are not from the task")
    policy.heard("Begin with “Dear Anna”.")
    assert said(policy, Type("Dear Anna")) == "done"


BUTTON = [
    *("Submit", "Send", "SEND NOW", "Pay €20", "Buy it now", "Place  order", "Delete", "Remove item", "Ｄｅｌｅｔｅ"),
    *("Grant access", "Allow", "Authorize app", "Run", "Install", "Log in", "Yes", "I agree", "Sign  up"),
    *("提交", "立即支付", "确认付款", "删除账户", "发送消息", "授权登录", "同意并继续", "运行"),
]
HARMLESS = [
    *("Next", "Search", "Show more", "Details", "Sender", "Payments overview", "Runner-up", "Deleted items", "Menu"),
    *("Close", "Cancel", "", "下一页", "搜索", "查看详情"),
]


@pytest.mark.parametrize("name", BUTTON)
def test_buttons_that_do_what_stays_done_are_asked_about(name: str) -> None:
    assert risk(CLICK, Target("button", name), [TASK], ["shop.test"])
    assert risk(Press(("space",)), Target("button", name), [TASK], [])
    assert risk(Type("green tea"), Target("button", name), [TASK], []), "a blank presses it"
    assert risk(Press(("enter",)), Target("text", buttons=(name,)), [TASK], [])


@pytest.mark.parametrize("name", HARMLESS)
def test_other_buttons_are_not(name: str) -> None:
    assert risk(CLICK, Target("button", name), [TASK], ["shop.test"]) is None
    assert risk(Press(("enter",)), Target("text", buttons=(name,)), [TASK], []) is None


SHOP = ("shop.test",)


@pytest.mark.parametrize(
    ("action", "target", "kind"),
    [
        (CLICK, Target("link", "Go", "https://shop.test/b"), None),
        (CLICK, Target("link", "Go", "https://www.shop.test/b"), None),
        (CLICK, Target("link", "Go", "https://evil.test/b"), "leaves"),
        (CLICK, Target("link", "Go", "https://shop.test.evil.test/b"), "leaves"),
        (CLICK, Target("link", "Go", "http://127.0.0.1:8000/"), "leaves"),
        (CLICK, Target("link", "Go", "mailto:a@b.test"), "program"),
        (CLICK, Target("link", "Go", "https://shop.test/setup.exe"), "saves"),
        (CLICK, Target("link", "Go", "https://shop.test/a", downloads=True), "saves"),
        (CLICK, Target("frame", foreign="https://pay.test/"), "foreign"),
        (CLICK, Target("button", "Go", form="post", submits=True), "form"),
        (CLICK, Target("button", "Go", form="get", submits=True), None),
        (CLICK, Target("button", "Go", form="get", submits=True, secret=True), "form"),
        (CLICK, Target("text", "Delete reason", form="post"), None),
        (CLICK, Target("button", "Next", pending=("Sure?",)), "again"),
        (Scroll(100), Target("button", "Next", pending=("Sure?",)), None),
        (Back(), Target(pending=("to be left",)), "again"),
        (Back(), Target(), None),
        (Press(("Return",)), Target("text", form="post"), "form"),
        (Press(("ctrl", "enter")), Target("textbox", buttons=("Send",)), "named"),
        (Press(("Delete",)), Target(), "deletes"),
        (Press(("Delete",)), Target("text"), None),
        (Press(("tab",)), Target("button", "Send"), None),
        (Press(("space",)), Target("text", form="post"), None),
        (Press(("enter",)), Target("link", "Go", "https://evil.test/"), "leaves"),
        (Type("green tea"), Target("text", form="post"), None),
        (Type("green tea\n"), Target("text", form="post"), "form"),
        (Type("green tea\n"), Target("text", form="get", buttons=("Search",)), None),
        (Type("my word is tea"), Target("text"), "words"),
        (Type("tea"), Target("frame", foreign="https://pay.test/"), "foreign"),
        (Goto("https://shop.test/a"), Target(), None),
        (Goto("shop.test"), Target(), None),
        (Goto("about:blank"), Target(), None),
        (Goto("https://evil.test/?q=shop.test"), Target(), "leaves"),
        (Goto("evil.test:8000/a"), Target(), "leaves"),
    ],
)
def test_what_is_aimed_at_is_judged(action: Action, target: Target, kind: str | None) -> None:
    found = risk(action, target, [TASK], SHOP)
    assert (found.kind if found else None) == kind


def test_a_site_named_in_the_task_is_one_of_its_sites() -> None:
    assert risk(Goto("https://shop.test/a"), Target(), [TASK], []) is None
    assert risk(Goto("https://shop.test/a"), Target(), ["Buy tea"], [])
    assert risk(Goto("http://localhost:80/a"), Target(), ["Open http://localhost:80"], []) is None
    assert risk(Goto("http://localhost:81/a"), Target(), ["Open http://localhost:80"], [])


@pytest.mark.parametrize(
    ("text", "own"),
    [
        *(("green tea", True), ("Green TEA", True), ("tea, green.", True), ("", True), ("绿茶", True), ("红茶", False)),
        *(("greentea", False), ("reen", False), ("4111 1111", False), ("shop.test", True), ("a@evil.test", False)),
    ],
)
def test_words_of_the_task_are_told_from_others(text: str, own: bool) -> None:
    known: Sequence[str] = [TASK]
    assert comes_from(text, known) == own
