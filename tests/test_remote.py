"""model/remote against a real server in a process of its own, with the embedded model behind it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model.local.load import load
from model.local.runner import LocalModel
from model.messages import ImagePart, Message, assistant, system, user
from model.remote.model import RemoteModel
from model.remote.server import CONCURRENT
from model.vlm import ModelLost, PromptTooLarge, Sampling
from tests.model_server import Running
from tools.errors import UserError

FREE_S = 3.0  # by then a server has noticed that nobody listens; this machine may be busy


@pytest.fixture(scope="module")
def local() -> LocalModel:
    return load("tiny")


@pytest.fixture
def remote(model_server: Running) -> Iterator[RemoteModel]:
    model = RemoteModel(model_server.address)
    model.server.waits_s = (0.01, 0.02)
    yield model
    model.close()


def picture(seed: int, width: int = 120, height: int = 90) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8))


def talk(*pictures: Image.Image) -> list[Message]:
    """A conversation of several turns."""
    turns: list[Message] = []
    for number, image in enumerate(pictures):
        turns += [user(f"What is on picture {number}?", ImagePart(image)), assistant(f"Dots, {number} ✓")]
    return turns[:-1]


def eventually(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + FREE_S
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


@pytest.mark.parametrize(
    "messages",
    [
        [user("Say hello.")],
        [system("Answer in one word."), user("What is it?", ImagePart(picture(1)))],
        talk(picture(1, 300, 200), picture(2), picture(3, 64, 300)),
        [user(ImagePart(picture(4).rotate(90, expand=True)), "between", ImagePart(picture(5)), "<tool_call>\n{}")],
    ],
    ids=["words", "system", "turns", "between"],
)
def test_a_server_says_what_the_same_model_says_here(
    remote: RemoteModel, local: LocalModel, messages: list[Message]
) -> None:
    for sampling in (Sampling(24), Sampling(16, temperature=1.0, top_p=0.9, seed=3), Sampling(8, stop=("e", "的"))):
        there, here = remote.stream(messages, sampling), local.stream(messages, sampling)
        assert there.read() == here.read()
        assert there.usage.prompt_tokens == here.usage.prompt_tokens
        assert there.usage.image_tokens == here.usage.image_tokens
        assert (there.usage.new_tokens, there.usage.finish) == (here.usage.new_tokens, here.usage.finish)
        assert 0 < there.usage.prefill_s <= there.usage.total_s


def test_a_picture_is_sent_once_and_again_where_it_was_forgotten(
    remote: RemoteModel, local: LocalModel, model_server: Running
) -> None:
    messages = talk(*map(picture, range(4)))
    said = local.stream(messages, Sampling(8)).read()
    for end in (1, 3, 5, 7):
        remote.stream(messages[:end], Sampling(8)).read()
    met = model_server.met()
    assert met["whole"] == 4
    assert met["named"] == 1 + 1 + 2 + 3 + 1  # the trial's one, those before, and the first, which the trial had sent
    model_server.wish(forget=True)
    assert remote.stream(messages, Sampling(8)).read() == said
    assert model_server.met()["whole"] == 4
    remote.stream(messages, Sampling(8)).read()
    assert model_server.met()["whole"] == 4


@pytest.mark.parametrize("way", ["names", "drops"])
def test_a_server_that_knows_no_names_gets_every_picture_every_time(
    remote: RemoteModel, local: LocalModel, model_server: Running, way: str
) -> None:
    """Whether it says so or leaves them out without a word."""
    model_server.wish(**{way: way == "drops"})
    messages = talk(picture(1), picture(2))
    said = local.stream(messages, Sampling(8)).read()
    for _ in range(2):
        assert remote.stream(messages, Sampling(8)).read() == said
    assert (model_server.met()["whole"], model_server.met()["named"]) == (1 + 4, 1)


def test_a_longer_conversation_begins_with_the_very_bytes_of_the_shorter(
    remote: RemoteModel, model_server: Running
) -> None:
    messages = talk(picture(1), picture(2))
    for end in (1, 3):
        remote.stream(messages[:end], Sampling(2)).read()
    shorter, longer = model_server.met()["bodies"]
    assert longer.startswith(shorter[:-1])


def test_a_server_that_resizes_is_noticed_before_it_answers(remote: RemoteModel, model_server: Running) -> None:
    remote.stream([user("a", ImagePart(picture(1, 200, 200)))], Sampling(2)).read()
    model_server.wish(shrink=300)
    remote.stream([user("a", ImagePart(picture(2, 180, 200)))], Sampling(2)).read()  # small enough for it
    with pytest.raises(UserError, match="changes the size of pictures") as told:
        remote.stream([user("a", ImagePart(picture(3, 640, 480)))], Sampling(2)).read()
    assert "644x476" in str(told.value) and told.value.chinese
    assert len(model_server.met()["bodies"]) == 1


@pytest.mark.parametrize("when", ["between pieces", "before the first byte"])
def test_cancel_is_at_once_and_frees_the_server(remote: RemoteModel, model_server: Running, when: str) -> None:
    late = when == "before the first byte"
    model_server.wish(late_s=60.0 * late, pause_s=0.02, says=["word "] * 5000)
    reply = remote.stream([user("Go on for ever.")], Sampling(3000))
    began = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(lambda: [began.set() for _ in reply])
        if late:
            assert eventually(lambda: model_server.met()["running"] == 1)
        else:
            assert began.wait(10)
        asked = time.monotonic()
        reply.cancel()
        reading.result(10)
    assert time.monotonic() - asked < 0.5
    assert reply.usage.finish == "cancelled"
    assert eventually(lambda: model_server.met()["running"] == 0)
    model_server.wish()
    assert remote.stream([user("a")], Sampling(2)).read()


def test_a_reply_that_nobody_reads_on_is_dropped(remote: RemoteModel, model_server: Running) -> None:
    model_server.wish(pause_s=0.02, says=["word "] * 5000)
    reply = remote.stream([user("a")], Sampling(9))
    assert next(iter(reply)) == "word "
    assert model_server.met()["running"] == 1
    reply.pieces.close()  # type: ignore[attr-defined]
    assert reply.usage.finish == "cancelled"
    assert eventually(lambda: model_server.met()["running"] == 0)


def test_many_replies_at_once_are_not_mixed_and_not_too_many(
    remote: RemoteModel, local: LocalModel, model_server: Running
) -> None:
    count = CONCURRENT + 8
    asked = [[user(f"Read {number}.", ImagePart(picture(number % 5, 60, 60)))] for number in range(count)]
    here = [local.stream(messages, Sampling(6)).read() for messages in asked]
    model_server.wish(late_s=0.3)
    with ThreadPoolExecutor(count) as pool:
        there = list(pool.map(lambda messages: remote.stream(messages, Sampling(6)).read(), asked))
    assert there == here
    assert len(set(here)) > 1
    assert 8 <= model_server.met()["most"] <= CONCURRENT


def test_a_busy_server_is_asked_again(
    remote: RemoteModel, model_server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    model_server.wish(refuse=[429, 503])
    assert remote.stream([user("a")], Sampling(2)).read()
    assert (model_server.met()["asked"], model_server.met()["running"]) == (3, 0)
    assert "429 as was wished; again in" in caplog.text
    model_server.wish(refuse=[429] * 3)
    with pytest.raises(ModelLost, match="busy"):
        remote.stream([user("a")], Sampling(2)).read()
    assert model_server.met()["asked"] == 3


def test_after_the_first_piece_nothing_is_asked_again(remote: RemoteModel, model_server: Running) -> None:
    model_server.wish(cut=3, says=["a", "b", "c", "d"])
    reply = remote.stream([user("a")], Sampling(9))
    with pytest.raises(ModelLost, match="broke off in the middle"):
        reply.read()
    assert (reply.text, reply.usage.finish, model_server.met()["asked"]) == ("abc", None, 1)


@pytest.mark.parametrize(
    ("wishes", "told"),
    [
        ({"key": "secret"}, r"wants a key \(401\): set the variable HANDEYE_API_KEY"),
        ({"models": ["else"]}, "404: The model `tiny` does not exist"),
        ({"refuse": [500]}, r"failed \(500 as was wished\)"),
        ({"refuse": [400]}, r"refuses the request \(400\): as was wished"),
    ],
)
def test_what_a_server_refuses_is_told_with_the_remedy(
    remote: RemoteModel, model_server: Running, wishes: dict[str, Any], told: str
) -> None:
    model_server.wish(**wishes)
    with pytest.raises(UserError, match=told):
        remote.stream([user("a")], Sampling(2)).read()
    model_server.wish()
    assert remote.stream([user("a")], Sampling(2)).read()


@pytest.mark.parametrize(
    ("wishes", "name", "told"),
    [
        ({"key": "secret"}, "", "HANDEYE_API_KEY"),
        ({"garbage": True}, "", "no OpenAI-compatible server at .*<html>"),
        ({}, "/elsewhere", "no OpenAI-compatible server at .*/elsewhere: it answers 404"),
        ({"models": []}, "", "serves no model"),
        ({"models": ["tiny", "qwen2.5-vl-7b"]}, "", "several models; name one .*#ID, ID being: tiny, qwen2.5-vl-7b"),
        ({}, "#qwen", "has no model 'qwen', but: tiny"),
        ({"models": ["mine"]}, "", r"does not say which family .*#mine@FAMILY"),
    ],
)
def test_a_server_that_cannot_answer_is_told_of_at_once(
    model_server: Running, wishes: dict[str, Any], name: str, told: str
) -> None:
    model_server.wish(**wishes)
    with pytest.raises(UserError, match=told):
        RemoteModel(model_server.address + name)


@pytest.mark.parametrize(
    ("models", "name", "family"),
    [
        (["mine"], "/v1#mine@qwen3-vl", "qwen3-vl"),
        (["mine"], "#@qwen2-vl", "qwen2-vl"),
        (["a", "some_Qwen2.5-VL-7B-Q4_K_M.gguf"], "/v1/#some_Qwen2.5-VL-7B-Q4_K_M.gguf", "qwen2.5-vl"),
        (["Qwen/Qwen2-VL-7B-Instruct"], "/v1/chat/completions", "qwen2-vl"),
    ],
)  # fmt: skip
def test_the_family_is_found_or_said(model_server: Running, models: list[str], name: str, family: str) -> None:
    model_server.wish(models=models)
    model = RemoteModel(model_server.address + name)
    model.close()
    assert model.family.name == family
    assert model.id in models and model.id in model.name


def test_where_no_server_is_that_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ModelLost, match=r"no model server answers at http://127\.0\.0\.1:9/v1"):
        RemoteModel("http://127.0.0.1:9")
    assert "without encryption" not in caplog.text
    with pytest.raises(ModelLost):
        RemoteModel("http://0.0.0.0:9")
    assert "pictures of your screen can be read on the way" in caplog.text


def test_a_key_is_sent_and_never_shown(model_server: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    model_server.wish(key="secret-word")
    model = RemoteModel(model_server.address, "secret-word")
    assert model.stream([user("a")], Sampling(2)).read()
    model.close()
    with pytest.raises(UserError) as told:
        RemoteModel(model_server.address, "wrong-word")
    assert "-word" not in caplog.text + str(told.value) + model.name
    with pytest.raises(UserError, match="HANDEYE_API_KEY") as told:
        RemoteModel("http://me:secret-word@127.0.0.1:9/v1")
    assert "secret" not in str(told.value)


def test_a_proxy_is_not_asked_for_this_machine(model_server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    RemoteModel(model_server.address).close()


def test_a_prompt_that_does_not_fit_is_told_as_everywhere(remote: RemoteModel) -> None:
    with pytest.raises(PromptTooLarge, match="pictures take"):
        remote.stream([user(*[ImagePart(picture(n, 1000, 1000)) for n in range(4)])])
    with pytest.raises(PromptTooLarge, match="max-model-len"):
        remote.stream([user("word " * 5000)], Sampling(2)).read()


def test_a_closed_model_says_so(remote: RemoteModel, model_server: Running) -> None:
    model_server.wish(pause_s=0.02, says=["word "] * 5000)
    pieces = iter(remote.stream([user("a")], Sampling(9)))
    next(pieces)
    remote.close()
    with pytest.raises(UserError, match="closed"):
        list(pieces)
    with pytest.raises(UserError, match="closed"):
        remote.stream([user("a")])
    assert eventually(lambda: model_server.met()["running"] == 0)


@pytest.mark.parametrize(
    ("says", "stop", "text", "finish"),
    [
        (["do ", "</to", "ol_c", "all> and", " more", " more"], ("</tool_call>",), "do </tool_call>", "stop"),
        (["done", "<|im", "_end|>", "junk", "junk"], (), "done", "stop"),
        (["a <", "|", "im"], (), "a <|im", "stop"),
        (["one\u2028two\x85three\r", "\n\n", "data: x"], (), "one\u2028two\x85three\r\n\ndata: x", "stop"),
        (["again "] * 400, (), None, "repetition"),
    ],
    ids=["stop word", "end token", "nearly one", "line ends", "loop"],
)
def test_a_reply_ends_where_it_would_here(
    remote: RemoteModel, model_server: Running, says: list[str], stop: tuple[str, ...], text: str | None, finish: str
) -> None:
    model_server.wish(says=says, pause_s=0.001)
    reply = remote.stream([user("a")], Sampling(1000, stop=stop))
    said = reply.read()
    assert said == text if text is not None else len(said) < len("".join(says))
    assert (reply.usage.finish, said) == (finish, reply.text)
