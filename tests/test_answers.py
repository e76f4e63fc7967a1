from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from scripted import ScriptedModel
from serving import Echo

from agent.reading import Video
from app.answers import Answer, Answers, to_messages
from app.conversations import Conversation, Options, Store, Turn
from model.messages import ImagePart, Message, VideoPart
from model.vlm import PromptTooLarge, Reply, Sampling

PICTURE = Image.new("RGB", (400, 300), "white")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def ended(answer: Answer) -> Conversation:
    return list(answer.follow())[-1]


def test_an_answer_grows_and_is_kept(store: Store) -> None:
    answer = Answers(store, Echo).ask(store.begin(), " ".join(map(str, range(20))), [PICTURE])
    shown = list(answer.follow())
    assert len(shown) >= 3
    assert shown[-1].turns[-1].text.split() == [*map(str, range(20))]
    assert shown[-1].turns[-1].usage["finish"] == "stop"
    kept = store.read(shown[-1].id)
    assert kept is not None
    assert kept.turns == shown[-1].turns


def test_words_come_before_their_pictures_and_the_system_prompt_first(store: Store) -> None:
    digest = store.keep_picture(PICTURE)
    turns = (Turn("user", "look", (digest,)), Turn("assistant", "yes"), Turn("user", "and?"))
    options = Options(system="Be brief.", picture_tokens=16)
    messages = to_messages(replace(store.begin(options), turns=turns), Echo(), store)
    assert [message.role for message in messages] == ["system", "user", "assistant", "user"]
    text, picture = messages[1].parts
    assert text == "look"
    assert isinstance(picture, ImagePart)
    assert picture.image.width * picture.image.height <= 16 * 28 * 28


def test_a_video_is_seen_as_it_was_given_and_its_facts_are_kept(store: Store) -> None:
    frames = tuple(Image.new("RGB", (168, 112), (at, 0, 0)) for at in range(10))
    video = Video(VideoPart(frames, tuple(at / 2 for at in range(10))), 5.0)
    model = ScriptedModel(["The given query happens in 2.0 - 3.0 seconds."] * 2)
    answers = Answers(store, lambda: model)
    first = ended(answers.ask(store.begin(), "when", videos=[video]))
    assert first.turns[-1].usage["watched"] == {
        "seconds": 5.0, "frames": 10, "fps": 2.0, "seen": [168, 112], "tokens": 5 * 24,
    }  # fmt: skip
    again = store.read(first.id)
    assert again is not None
    ended(answers.again(again, 0, "when else"))
    for asked, said in zip(model.asked, ("when", "when else"), strict=True):
        text, part = asked[-1].parts
        assert text == said
        assert isinstance(part, VideoPart)
        assert part.times_s == video.part.times_s
        assert [frame.tobytes() for frame in part.frames] == [frame.tobytes() for frame in frames]


def test_stop_ends_it_and_what_was_said_stays(store: Store) -> None:
    answers = Answers(store, Echo)
    answer = answers.ask(store.begin(), "long story")
    follow = answer.follow()
    while not next(follow).turns[-1].text:
        pass
    answers.stop(answer.conversation.id)
    last = list(follow)[-1].turns[-1]
    assert last.usage["finish"] == "cancelled"
    assert last.text
    assert answers.live(answer.conversation.id) is None


def test_who_speaks_while_a_reply_is_under_way_ends_it_and_loses_nothing(store: Store) -> None:
    answers = Answers(store, Echo)
    first = answers.ask(store.begin(), "long story")
    follow = first.follow()
    while not next(follow).turns[-1].text:
        pass
    stale = store.read(first.conversation.id)
    assert stale is not None
    last = ended(answers.ask(stale, "short"))
    assert [turn.role for turn in last.turns] == ["user", "assistant", "user", "assistant"]
    assert last.turns[1].usage["finish"] == "cancelled"
    assert last.turns[3].text.strip() == "short"
    assert store.read(last.id) is not None


def test_again_drops_what_came_after(store: Store) -> None:
    answers = Answers(store, lambda: ScriptedModel(["reply"]))
    first = ended(answers.ask(store.begin(), "first", [PICTURE]))
    second = ended(answers.ask(first, "second"))
    assert [turn.text for turn in ended(answers.again(second, 3)).turns] == ["first", "reply", "second", "reply"]
    edited = ended(answers.again(second, 0, "changed")).turns
    assert [turn.text for turn in edited] == ["changed", "reply"]
    assert edited[0].pictures == first.turns[0].pictures


class Full:
    name, family = "full", Echo.family

    def stream(self, messages: Sequence[Message], sampling: Sampling = Sampling()) -> Reply:
        raise PromptTooLarge("send fewer pictures")


def test_what_does_not_fit_is_told_in_the_conversation(store: Store) -> None:
    turn = ended(Answers(store, Full).ask(store.begin(), "hello")).turns[-1]
    assert turn.usage["error"] == "send fewer pictures"


def test_sixteen_at_once_get_their_own_answers(store: Store) -> None:
    answers, said = Answers(store, Echo), {}

    def ask(number: int) -> None:
        said[number] = ended(answers.ask(store.begin(), f"token-{number} " * 5)).turns[-1].text.split()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == {number: [f"token-{number}"] * 5 for number in range(16)}
