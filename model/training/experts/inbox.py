"""Experts at messages: the mail of an inbox, and what is said in a social medium."""

from __future__ import annotations

from collections.abc import Iterator

from model.training.experts.aims import clicked, moved, only
from model.training.experts.shown import reach, shown
from model.training.experts.steps import Decision, Expert, Look, Want, groups, quoted


def delete(said: str, look: Look) -> Iterator[Decision]:
    yield icon("trash", said, look)


def mark(said: str, look: Look) -> Iterator[Decision]:
    yield icon("star", said, look)


def icon(name: str, said: str, look: Look) -> Decision:
    sender = sender_of(said)
    row = f'#main .email-thread:has(.email-sender:text-is("{sender}"))'
    return clicked(f'Click the {name} of "{sender}".', only(look, f"{row} .{name}"))


def sender_of(said: str) -> str:
    return groups(r"Find the email by (\S+) and", said)[0]


def forward(said: str, look: Look) -> Iterator[Want | Decision]:
    yield from opened("Forward", said, look)
    yield from (Want("field"), Want("type", groups(r"that email to (\S+)\.$", said)[0]))
    yield clicked("Click the send button.", only(look, "#send-forward"))


def reply(said: str, look: Look) -> Iterator[Want | Decision]:
    yield from opened("Reply", said, look)
    yield from (Want("field"), Want("type", quoted(said)[0]))
    yield clicked("Click the send button.", only(look, "#send-reply"))


def opened(button: str, said: str, look: Look) -> Iterator[Decision]:
    sender = sender_of(said)
    yield clicked(f'Click "{sender}".', only(look, f'#main .email-sender:text-is("{sender}")'))
    yield from reach(f'Click "{button}".', f"#email .email-{button.lower()}", look)


ICONS = ("Reply", "Retweet", "Like")  # the other buttons are in the menu behind the dots
OF_USER = ("Mute", "Block")  # and these two name the user
MENU = ".media ul:not(.hide)"
TRIES = 3  # an icon has no size while its picture for being pointed at loads, and a click then misses it


def use_medium(said: str, look: Look) -> Iterator[Decision]:
    user, button = groups(r'For the user (\S+), click on the "(.*)" button', said)
    name = button.lower() if button in ICONS else "more"
    place = f'.media:has(.username:text-is("{user}")) .{name}'
    if not shown(look, place):
        yield moved("Move to the list.", only(look, "#area"))
    for _ in range(TRIES):
        yield from reach(f'Click the {name} button of "{user}".', place, look)
        if look.page.locator(MENU).count():
            break
    if name == "more":
        line = f"{button} {user}" if button in OF_USER else button
        yield from reach(f'Click "{line}".', f'{MENU} li:text-is("{line}")', look)


INBOX: dict[str, Expert] = {
    "email-inbox-delete": delete,
    "email-inbox-important": mark,
    "email-inbox-forward": forward,
    "email-inbox-reply": reply,
    "social-media": use_medium,
}
