"""The stages run, resume and hand over, and what they export is a checkpoint that transformers loads unchanged."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import AutoConfig, AutoTokenizer, Qwen2_5_VLForConditionalGeneration

from model.chat import render
from model.families import TINY, family_of
from model.messages import ImagePart, Part, VideoPart, assistant, system, user
from model.training import stages
from model.training.architecture import tokenizer
from model.training.labels import CHARACTER_CLASS, character_labels, kind_labels
from model.training.losses import changes
from model.training.trainer import orthogonal, schedule
from tools.errors import UserError

SHORT = ["--workers", "0", "--batch", "2"]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_stages_resume_and_hand_over(tmp_path: Path) -> None:
    stages.run("vision", tmp_path, [*SHORT, "--steps", "1", "--easy", "1"])
    stages.run("vision", tmp_path, [*SHORT, "--steps", "2", "--easy", "1"])
    tower = torch.load(tmp_path / "vision.pt", weights_only=True)
    assert tower["step"] == 2
    stages.run(
        "multimodal",
        tmp_path,
        ["--workers", "0", "--tokens", "900", "--steps", "1", "--shares", "drawn=1", "--tower", "1"],
    )
    whole = torch.load(tmp_path / "multimodal.pt", weights_only=True)
    name = "blocks.0.attn.qkv.weight"
    before, after = tower["tower"][name], whole["model"][f"model.visual.{name}"]
    assert 0 < (before - after).abs().max() < 0.01  # it went on from the tower of the stage before
    stages.run("export", tmp_path, ["--to", str(tmp_path / "out")])
    config = AutoConfig.from_pretrained(tmp_path / "out")
    assert family_of(config.to_dict()).name == TINY.name
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(tmp_path / "out", dtype=torch.float32)
    exported = model.state_dict()[f"model.visual.{name}"]
    assert torch.equal(exported, after.to(torch.bfloat16).float())
    assert AutoTokenizer.from_pretrained(tmp_path / "out")("<tool_call>")["input_ids"] != []


def test_a_wrong_stage_names_the_right_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="vision"):
        stages.run("nonsense", tmp_path, [])


def test_a_change_is_told_of_the_frame_that_shows_it_and_the_place_where_it_is() -> None:
    frames = torch.zeros(1, 4, 56, 84, 3, dtype=torch.uint8)
    frames[0, 2:, 30, 60] = 200  # from the third frame on, in the lower right token
    told = changes(frames)
    assert told.shape == (1, 2 * 6, 2)
    assert told.nonzero().tolist() == [[0, 6 + 5, 0]]


def test_labels_stand_where_the_letters_are() -> None:
    labels = character_labels([["A", 28, 28, 42, 42], ["b", 42, 28, 56, 42]], 84, 84)
    a, b = CHARACTER_CLASS["A"], CHARACTER_CLASS["b"]
    assert labels[1, 1, 0].tolist() == [[a, a], [b, b]]
    assert int((labels > 0).sum()) == 4
    kinds = kind_labels([{"kind": "checkbox", "text": "x", "box": [0, 0, 28, 28], "state": "checked"}], 56, 56)
    assert kinds[0, 0].tolist() == [[6, 6], [6, 6]]
    assert int((kinds > 0).sum()) == 4


def test_muon_steps_are_orthogonal() -> None:
    sizes = torch.linalg.svdvals(orthogonal(torch.randn(3, 40, 90)))
    assert sizes.min() > 0.5 and sizes.max() < 1.5


def test_rate_rises_stays_and_falls() -> None:
    rates = [schedule(step, 1000) for step in range(1000)]
    assert rates[0] < rates[50] < rates[200] == 1.0 == rates[500] > rates[800] > rates[999] > 0


def test_a_server_that_asks_the_checkpoint_makes_the_same_prompt(tmp_path: Path) -> None:
    tokenizer().save_pretrained(tmp_path)
    served = AutoTokenizer.from_pretrained(tmp_path)
    picture = Image.new("RGB", (56, 56))
    said = [
        [system("Be brief."), user("What is this?", ImagePart(picture)), assistant("A square."), user("Sure?")],
        [user("Read it.", ImagePart(picture), ImagePart(picture), VideoPart((picture, picture), (0.0, 0.5)))],
    ]
    for messages in said:
        as_json = [{"role": m.role, "content": [as_content(part) for part in m.parts]} for m in messages]
        text = served.apply_chat_template(as_json, tokenize=False, add_generation_prompt=True)
        assert text == render(messages, TINY)
    plain = [{"role": "user", "content": "Hello"}]
    assert served.apply_chat_template(plain, tokenize=False) == render([user("Hello")], TINY, reply=False)


def as_content(part: Part) -> dict[str, str]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    return {"type": "image" if isinstance(part, ImagePart) else "video"}
