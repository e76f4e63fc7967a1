"""A secret is typed on its own site alone, and nowhere to be seen: not by the model, not on disk."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import keyring
import pytest
from conftest import Site
from keyring.backend import KeyringBackend
from PIL import Image
from scripted import ScriptedModel

from agent.resume import broken
from agent.store import replay
from app import cli
from app.commands.act import perform
from app.settings import Settings
from app.vault import Vault
from model.computer_use import call
from tools.actions import Click, Goto, Type
from tools.browser import Browser
from tools.environment import ActionFailed
from tools.errors import UserError
from tools.geometry import Point, Size
from tools.secrets import Secret, Secrets

VALUE = "tr0ub4dor&3 ü"
BODY = """<body style="margin: 0"><input id=a style="font: 20px monospace; width: 360px; height: 40px"
oninput="echo.textContent = this.value; document.title = this.value"><p id=echo style="height: 40px; width: 200px"></p>
<form action=/got><button style="width: 200px; height: 40px"
onclick="location = '/got?' + new URLSearchParams({w: a.value})" type=button>Next</button></form>"""


class Memory(KeyringBackend):
    """A keyring as a desktop has it."""

    priority = 5  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture(params=["keyring", "file"])
def vault(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    """This user's, in a folder of the test."""
    before = keyring.get_keyring()
    keyring.set_keyring(Memory() if request.param == "keyring" else keyring.backends.fail.Keyring())
    monkeypatch.setenv("HANDEYE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HANDEYE_VAULT", "open sesame")
    yield Vault(tmp_path / "data")
    keyring.set_keyring(before)


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_secret_is_kept_and_found_by_the_tasks_that_name_it(vault: Vault) -> None:
    vault.add("word", VALUE, "https://Shop.test/login")
    vault.add("other", "12345678", "shop.test")
    assert vault.names() == {"word": "https://shop.test:443", "other": "https://shop.test:443"}
    found = vault.of_task("Log in with {{word}}.")
    assert found.filled("{{word}}!", "https://shop.test/a") == f"{VALUE}!"
    with pytest.raises(ActionFailed, match="no secret other"):
        found.filled("{{other}}", "https://shop.test/a")
    assert VALUE.encode() not in on_disk(vault.folder) and VALUE not in repr(Secret(VALUE, ""))
    vault.remove("word")
    with pytest.raises(UserError, match=r"add it first: python3 launch\.py secrets add word --for"):
        vault.of_task("{{word}}")


@pytest.mark.parametrize(
    ("name", "value", "address"), [("a b", VALUE, "shop.test"), ("a", "123", "shop.test"), ("a", VALUE, "file:///a")]
)
def test_what_cannot_be_kept_is_told(vault: Vault, name: str, value: str, address: str) -> None:
    with pytest.raises(UserError):
        vault.add(name, value, address)
    assert vault.names() == {}


def test_the_file_is_opened_by_its_passphrase_only(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if vault.has_keyring:
        return
    vault.add("word", VALUE, "shop.test")
    for passphrase, said in (("wrong", "does not open"), ("", "set HANDEYE_VAULT")):
        monkeypatch.setenv("HANDEYE_VAULT", passphrase)
        with pytest.raises(UserError, match=said):
            vault.of_task("{{word}}")
    assert vault.file.stat().st_mode & 0o77 == 0


def test_the_command_adds_lists_and_removes(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{VALUE}\n"))
    assert cli.main(["secrets", "add", "word", "--for", "https://shop.test"]) == 0
    assert cli.main(["secrets", "list"]) == 0
    assert capsys.readouterr().out == "word  https://shop.test:443\n"
    assert cli.main(["secrets", "remove", "word"]) == 0 and cli.main(["secrets", "remove", "word"]) == 2


def test_a_secret_is_typed_on_its_own_site_and_blacked_out(site: Site, other_site: Site) -> None:
    page, elsewhere = site.put("/page", BODY), other_site.put("/page", BODY)
    site.put("/got", "thank you")
    secrets = Secrets({"word": Secret(VALUE, site.address)})
    with closing(Browser(page, viewport=Size(400, 200), secrets=secrets)) as browser:
        browser.perform(Click(Point(30, 20)))
        browser.perform(Type("{{word}}"))
        assert browser.page.evaluate("() => a.value") == VALUE
        shot = browser.screenshot()
        assert shot.title == "{{word}}"
        for place in ((5, 22), (200, 22), (20, 70)):
            assert shot.image.getpixel(place) == (0, 0, 0)
        assert has_ink(shot.image.crop((0, 100, 200, 180))), "the rest is there to be seen"
        browser.perform(Click(Point(100, 130)))
        assert "{{word}}" in browser.screenshot().url and VALUE not in browser.screenshot().url
        browser.perform(Goto(elsewhere))
        browser.perform(Click(Point(30, 20)))
        with pytest.raises(ActionFailed, match=r"word is for .* alone, and this page is of"):
            browser.perform(Type("{{word}}"))
        assert browser.page.evaluate("() => a.value") == ""
    assert not any("tr0ub" in path for path in other_site.asked)


def has_ink(image: Image.Image) -> bool:
    colors = image.getcolors(1_000_000)
    return colors is not None and len(colors) > 2


def test_a_run_with_a_secret_leaves_no_trace_of_it(vault: Vault, site: Site, tmp_path: Path) -> None:
    page = site.put("/page", BODY)
    vault.add("word", VALUE, site.address)
    model = ScriptedModel(
        [
            call("left_click", coordinate=[100, 50]),
            call("type", text="{{word}}"),
            call("left_click", coordinate=[300, 288]),
            call("terminate", status="success"),
        ]
    )
    settings = Settings(runs=tmp_path / "runs", viewport=Size(400, 200))
    outcome = perform(settings, model, "Type {{word}} and press Next", page)
    assert outcome.ending.success and any("tr0ub4dor" in path for path in site.asked), "it did arrive"
    kept = on_disk(tmp_path / "runs")
    assert b"tr0ub4dor" not in kept and b"{{word}}" in kept
    assert not any("tr0ub4dor" in message.text for asked in model.asked for message in asked)


def test_what_was_typed_before_a_run_broke_off_is_hidden_when_it_goes_on(
    vault: Vault, site: Site, tmp_path: Path
) -> None:
    page, done = site.put("/page", BODY), call("terminate", status="success")
    vault.add("word", VALUE, site.address)
    replies = [call("left_click", coordinate=[100, 50]), call("type", text="{{word}}"), done]
    settings = Settings(runs=tmp_path / "runs", viewport=Size(400, 200))
    folder = perform(settings, ScriptedModel(replies), "Type {{word}}", page).report.parent
    lines = (folder / "steps.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "steps.jsonl").write_bytes(b"".join(lines[:-2]))
    site.put("/page", f"<div style='position: fixed; inset: 0'>{VALUE}</div>")
    one = broken(folder)
    perform(settings, ScriptedModel([done]), one.run.task, one.start, again=one, at=one.url)
    *_, last = replay(folder)
    assert last.ending and last.screenshot.image.getpixel((20, 10)) == (0, 0, 0)
