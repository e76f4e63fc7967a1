"""The MCP tools as a desktop client has them: one server over stdio, started by the package's own client."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from conftest import Site
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult
from PIL import Image

from agent.pointing import drawn_target
from agent.store import replay
from app import address_book
from model.families import TINY
from tools.geometry import Point

ROOT = Path(__file__).parents[1]
SERVE = ["-c", "from app.cli import main; exit(main())", "mcp", "--viewport", str(address_book.VIEW)]
SERVE += ["--allow", "127.0.0.1:*", "--approve", "never"]


@dataclass
class Served:
    """The client, from a test's own thread."""

    portal: BlockingPortal
    client: Client
    runs: Path
    told: list[str] = field(default_factory=list)  # progress of the last call
    has_acted: threading.Event = field(default_factory=threading.Event)  # in the last call

    def begin(self, tool: str, **arguments: Any) -> Any:
        """A call under way, as a future."""
        self.told.clear()
        self.has_acted.clear()
        return self.portal.start_task_soon(partial(self.client.call_tool, tool, arguments, progress_callback=self.hear))

    def call(self, tool: str, **arguments: Any) -> CallToolResult:
        result = self.begin(tool, **arguments).result()
        assert isinstance(result, CallToolResult)
        return result

    def structured(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = self.call(tool, **arguments)
        assert not result.is_error and result.structured_content, result.content
        return result.structured_content

    async def hear(self, progress: float, total: float | None, message: str | None) -> None:
        self.told.append(message or "")
        if message and message.startswith("step"):
            self.has_acted.set()


class Kept(logging.Handler):
    """Messages, to look at later."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("mcp")
    environment = {**os.environ, "HANDEYE_DATA": str(folder), "HANDEYE_MODEL": "tiny"}
    server = StdioServerParameters(command=sys.executable, args=SERVE, cwd=ROOT, env=environment)
    kept = Kept()
    logging.getLogger("mcp.client.stdio").addHandler(kept)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Client(server, mode="legacy")) as client,  # what desktop clients speak
    ):
        yield Served(portal, client, folder / "runs")
    # what the client says of a line of stdout that is not the protocol's
    assert not [message for message in kept.messages if "Failed to parse" in message]


def text(result: CallToolResult) -> str:
    return "".join(part.text for part in result.content if part.type == "text")


def test_every_tool_says_what_it_does_takes_and_gives(served: Served) -> None:
    tools = {tool.name: tool for tool in served.portal.call(served.client.list_tools).tools}
    assert set(tools) == {"look", "ground", "read_document", "ask_video", "run_task"}
    assert all(tool.description and tool.output_schema for tool in tools.values())
    assert all("context" not in tool.input_schema["properties"] for tool in tools.values())
    acting = [name for name, tool in tools.items() if tool.annotations and tool.annotations.destructive_hint]
    assert acting == ["run_task"]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("ground", {"picture_path": "/no/such.png", "phrase": "a button"}),
        ("read_document", {"path": "/no/such.png"}),
        ("ask_video", {"path": "/no/such.png", "question": "What?"}),
    ],
)
def test_a_bad_path_is_a_tool_error_that_names_it(served: Served, tool: str, arguments: dict[str, str]) -> None:
    result = served.call(tool, **arguments)
    assert result.is_error
    assert "there is no file /no/such.png" in text(result)
    assert not served.told  # no model was loaded for it


def test_a_named_thing_is_found_on_a_picture(served: Served, tmp_path: Path) -> None:
    image, name, box = drawn_target("0-1", TINY.device_scale)
    image.save(tmp_path / "screen.png")
    found = served.structured("ground", picture_path=str(tmp_path / "screen.png"), phrase=name)
    ((at,),) = [one["points"] for one in found["found"]]
    assert box.contains(Point(*at))
    assert "<tool_call>" in found["said"] and not found["problem"]
    assert (found["width"], found["height"]) == image.size


def test_a_web_page_is_looked_at_and_a_local_file_is_not(served: Served, site: Site, tmp_path: Path) -> None:
    result = served.call("look", address=site.put("/green", "<style>body { background: #0a0 }</style>"))
    picture = next(part for part in result.content if part.type == "image")
    with Image.open(io.BytesIO(b64decode(picture.data))) as image:
        assert image.convert("RGB").getpixel((100, 100)) == (0, 170, 0)
        assert result.structured_content == {
            "title": "green",
            "address": site.at("/green"),
            "width": image.width,
            "height": image.height,
        }
    (tmp_path / "page.html").write_text("secret")
    refused = served.call("look", address=(tmp_path / "page.html").as_uri())
    assert refused.is_error and "files of this computer cannot be opened" in text(refused)


def test_a_picture_of_a_page_is_read_and_what_is_missing_is_said(served: Served) -> None:
    read = served.structured("read_document", path=str(ROOT / "app/examples/page.png"))
    (page,) = read["pages"]
    assert (page["number"], page["width"], page["height"]) == (1, 280, 190)
    assert any(block["box"] for block in page["blocks"]) or page["problem"]
    assert page["said"] or not page["problem"]


def test_an_encrypted_file_is_read_with_its_password_only(served: Served) -> None:
    path = str(ROOT / "tests/fixtures/locked.pdf")
    (page,) = served.structured("read_document", path=path, pages=[1], password="opensesame")["pages"]
    assert page["text_layer"] == "Locked words"
    assert "locked.pdf is encrypted" in text(served.call("read_document", path=path))


def test_a_video_is_answered_with_the_moments_that_were_seen(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=4)
        stream.width, stream.height, stream.pix_fmt = 112, 84, "yuv420p"
        for index in range(8):
            frame = av.VideoFrame.from_ndarray(np.full((84, 112, 3), 30 * index, np.uint8), "rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 4)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    question = "Give the query: 'the picture grows light', when does the described content occur in the video?"
    answered = served.structured("ask_video", path=str(path), question=question)
    assert answered["seen_s"] == [0, 0.5, 1, 1.5]
    assert answered["length_s"] == pytest.approx(2, abs=0.05)
    assert answered["answer"]
    assert "fps" in text(served.call("ask_video", path=str(path), question=question, fps=0))


@pytest.mark.skipif(sys.platform != "linux", reason="tiny learned from pages as Linux draws them")
def test_a_task_is_done_told_step_by_step_and_kept(served: Served) -> None:
    with address_book.serve() as book:
        done = served.structured("run_task", task=address_book.TASK, address=book.url, max_steps=20)
    assert address_book.is_done(book.sent)
    assert done["outcome"] == "finished"
    kept = list(replay(Path(done["folder"])))
    assert len(done["steps"]) == len(kept)
    assert Path(done["folder"]).parent == served.runs
    assert (Path(done["folder"]) / "report.html").is_file()
    assert [line.partition(":")[0] for line in served.told if line.startswith("step")] == [
        f"step {number + 1}" for number in range(len(kept) - 1)
    ]


def test_a_cancelled_task_stops_and_the_next_call_is_served(served: Served) -> None:
    with address_book.serve() as book:
        under_way = served.begin("run_task", task=address_book.TASK, address=book.url)
        assert served.has_acted.wait(200)
        under_way.cancel()
        with pytest.raises(CancelledError):
            under_way.result()
        assert not served.call("look", address=book.url).is_error
    *_, last = replay(max(served.runs.iterdir(), key=lambda folder: folder.stat().st_mtime))
    assert last.ending and last.ending.reason == "cancelled"
    assert not book.sent
