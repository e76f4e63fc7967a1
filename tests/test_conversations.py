from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.conversations import Clip, Conversation, Options, Store, Turn, from_json, to_json, to_markdown

RED, BLUE = Image.new("RGB", (4, 3), "red"), Image.new("RGB", (4, 3), "blue")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "conversations")


def talk(store: Store, *texts: str, picture: Image.Image | None = None) -> Conversation:
    pictures = (store.keep_picture(picture),) if picture else ()
    turns = [
        Turn("user" if at % 2 == 0 else "assistant", text, () if at else pictures) for at, text in enumerate(texts)
    ]
    return store.save(replace(store.begin(), turns=tuple(turns)))


def test_what_is_saved_is_read(store: Store) -> None:
    kept = talk(store, "What is this?", "A square.", picture=RED)
    assert Store(store.folder).read(kept.id) == kept
    assert store.picture(kept.turns[0].pictures[0]).tobytes() == RED.tobytes()
    assert store.size(kept.turns[0].pictures[0]) == (4, 3)


@given(st.text(), st.text(), st.floats(0, 2))
def test_json_there_and_back_is_the_same(title: str, text: str, temperature: float) -> None:
    turns = (Turn("user", text), Turn("assistant", text, usage={"finish": "stop"}))
    conversation = Conversation("0" * 16, title, turns=turns, options=Options(temperature=temperature))
    assert from_json(json.loads(to_json(conversation))) == conversation


def film(store: Store, text: str, *colours: str) -> Conversation:
    frames = tuple(store.keep_picture(Image.new("RGB", (4, 3), colour)) for colour in colours)
    clip = Clip(frames, tuple(at / 2 for at in range(len(frames))), len(frames) / 2)
    return store.save(replace(store.begin(), turns=(Turn("user", text, videos=(clip,)),)))


def test_a_video_is_kept_with_its_times_and_found(store: Store) -> None:
    kept = film(store, "When does it turn blue?", "red", "red", "blue")
    assert Store(store.folder).read(kept.id) == kept == from_json(json.loads(to_json(kept)))
    assert store.search("turn blue") == [kept]
    text = to_markdown(kept)
    assert all(f"pictures/{digest}.png" in text for digest in kept.turns[0].videos[0].frames)
    assert "video at 1.00 s" in text


def test_delete_takes_the_frames_that_no_other_shows(store: Store) -> None:
    first, second = film(store, "a", "red", "blue"), talk(store, "b", picture=BLUE)
    store.delete(first.id)
    assert [path.stem for path in store.pictures.iterdir()] == [second.turns[0].pictures[0]]


def test_what_was_kept_before_there_were_videos_is_read(store: Store) -> None:
    old = talk(store, "What is this?", "A square.", picture=RED)
    value = json.loads(to_json(old))
    for turn in value["turns"]:
        del turn["videos"]
    del value["options"]["fps"]
    assert from_json(value) == old


@pytest.mark.parametrize("times", [[], [0.0]])
def test_a_video_whose_frames_have_no_times_is_none(store: Store, times: list[float]) -> None:
    value = json.loads(to_json(film(store, "a", "red", "blue")))
    value["turns"][0]["videos"][0]["times_s"] = times
    with pytest.raises(ValueError, match="no video"):
        from_json(value)


def test_the_title_is_what_was_said_first(store: Store) -> None:
    assert talk(store, "  Where is\nthe button?  ", "There.").title == "Where is the button?"
    assert len(talk(store, "word " * 50).title) < 60


def test_search_finds_all_the_words_anywhere_and_the_latest_first(store: Store) -> None:
    first, second = talk(store, "Red fox", "jumps"), talk(store, "red hen")
    assert [each.id for each in store.search("RED")] == [second.id, first.id]
    assert [each.id for each in store.search("jumps fox")] == [first.id]
    assert store.search("wolf") == []


def test_rename_keeps_the_rest_and_needs_a_name(store: Store) -> None:
    kept = talk(store, "Hello")
    store.rename(kept.id, "  New \n name ")
    store.rename(kept.id, "   ")
    renamed = store.read(kept.id)
    assert renamed is not None
    assert (renamed.title, renamed.turns) == ("New name", kept.turns)


def test_delete_takes_the_pictures_that_no_other_shows(store: Store) -> None:
    first, second = talk(store, "a", picture=RED), talk(store, "b", picture=BLUE)
    third = talk(store, "c", picture=RED)
    store.delete(first.id)
    store.delete(second.id)
    assert store.read(first.id) is None
    assert [path.stem for path in store.pictures.iterdir()] == [third.turns[0].pictures[0]]


@pytest.mark.parametrize("id", ["", "../../etc/passwd", "x" * 16, "0" * 17])
def test_a_name_that_is_none_leads_nowhere(store: Store, id: str) -> None:
    assert store.read(id) is None
    store.delete(id)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"id": "x", "turns": [], "options": {}}'])
def test_a_torn_file_is_passed_over(store: Store, text: str) -> None:
    whole = talk(store, "Hello")
    (store.folder / f"{'1' * 16}.json").write_text(text)
    assert store.search() == [whole]


def test_only_this_user_can_read_them(store: Store) -> None:
    kept = talk(store, "secret", picture=RED)
    for path in (store.folder / f"{kept.id}.json", store.picture_path(kept.turns[0].pictures[0])):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


def test_markdown_has_every_turn_and_picture(store: Store) -> None:
    kept = talk(store, "What is it?", "Red.", picture=RED)
    text = to_markdown(kept)
    assert "What is it?" in text
    assert "Red." in text
    assert f"pictures/{kept.turns[0].pictures[0]}.png" in text
