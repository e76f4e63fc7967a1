"""An OpenAI-compatible server around a model in its process, as a program: python -m tests.model_server PORT

It speaks as vLLM does: models, answers whole and streamed, token counts, pictures by name. What tests want it to do
wrong is said to it at /wish, and what it met is told there.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from PIL import Image
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool

from model.local.load import load
from model.messages import ImagePart, Message
from model.vlm import Reply, Sampling, Usage
from tools.errors import UserError

ROOT = Path(__file__).parents[1]
LENGTH = 4096  # tokens of prompt and reply


@dataclass
class Wish:
    """What goes otherwise than it should, from now on."""

    models: list[str] = field(default_factory=lambda: ["tiny"])
    key: str = ""  # that is asked for
    refuse: list[int] = field(default_factory=list)  # statuses of the next answers, one after the other
    late_s: float = 0.0  # before an answer begins
    pause_s: float = 0.0  # between two pieces
    shrink: int = 0  # pictures to at most so many pixels a side; 0: not at all
    schemas: bool = True  # does it take JSON schemas?
    names: bool = True  # does it know pictures by name?
    drops: bool = False  # pictures by name are left out without a word
    cut: int = 0  # the connection ends after so many pieces; 0: not at all
    garbage: bool = False  # answers that are no answers
    says: list[str] = field(default_factory=list)  # these pieces, whatever the model would say; it heeds no stop words


@dataclass
class Met:
    """What was seen since the last wish."""

    running: int = 0
    most: int = 0  # running at once
    asked: int = 0
    bodies: list[str] = field(default_factory=list)  # of streamed requests, without the pictures themselves
    whole: int = 0  # pictures sent with their pixels
    named: int = 0  # pictures sent by name alone
    schema: Any = None  # the last one that a reply was to be held to


def app() -> FastAPI:
    made = FastAPI()
    model = load("tiny")
    pictures: dict[str, Image.Image] = {}
    state: dict[str, Any] = {"wish": Wish(), "met": Met()}

    @made.post("/wish")
    async def wish(request: Request) -> dict[str, Any]:
        given = await request.json()
        if given.pop("forget", False):
            pictures.clear()
        running = state["met"].running
        state.update(wish=Wish(**given), met=Met(running))
        return {}

    @made.get("/met")
    async def met() -> dict[str, Any]:
        return asdict(state["met"])

    @made.get("/v1/models")
    async def models(request: Request) -> Response:
        if said := refused(request):
            return said
        if state["wish"].garbage:
            return Response("<html>It works!</html>", media_type="text/html")
        listed = [{"id": id, "object": "model", "root": id, "max_model_len": LENGTH} for id in state["wish"].models]
        return JSONResponse({"object": "list", "data": listed})

    def refused(request: Request) -> Response | None:
        wished: Wish = state["wish"]
        if wished.key and request.headers.get("authorization") != f"Bearer {wished.key}":
            return wrong(401, "Unauthorized")
        if wished.refuse:
            return wrong(wished.refuse.pop(0), "as was wished")
        return None

    def messages_of(body: dict[str, Any], seen: Met) -> list[Message]:
        """Raises KeyError for a picture that is not known by this name."""
        found = []
        for message in body["messages"]:
            given = message["content"]
            parts = [{"type": "text", "text": given}] if isinstance(given, str) else given
            read = [part["text"] if part["type"] == "text" else picture(part, seen) for part in parts]
            found.append(Message(message["role"], tuple(part for part in read if part is not None)))
        return found

    def picture(part: dict[str, Any], seen: Met) -> ImagePart | None:
        if part["image_url"] is None:
            seen.named += 1
            if state["wish"].drops:
                return None
            if not state["wish"].names:
                raise KeyError(part["uuid"])
            return ImagePart(pictures[part["uuid"]])
        seen.whole += 1
        image = Image.open(io.BytesIO(base64.b64decode(part["image_url"]["url"].partition("base64,")[2])))
        if side := state["wish"].shrink:
            image.thumbnail((side, side))
        pictures[part["uuid"]] = image
        return ImagePart(image)

    @made.post("/v1/chat/completions")
    async def answer(request: Request) -> Response:
        wished, seen = state["wish"], state["met"]
        seen.asked += 1
        body = await request.json()
        if said := refused(request):
            return said
        if body["model"] not in wished.models:
            return wrong(404, f"The model `{body['model']}` does not exist.")
        try:
            messages = await run_in_threadpool(messages_of, body, seen)
        except KeyError as error:
            return wrong(400, f"no picture {error} in the cache")
        if form := body.get("response_format"):
            if not wished.schemas:
                return wrong(400, "response_format is not supported")
            seen.schema = form["json_schema"]["schema"]
        stop = tuple(body.get("stop") or ())
        sampling = Sampling(
            body["max_tokens"], body["temperature"], body.get("top_p", 1.0), body.get("seed", 0),
            body.get("repetition_penalty", 1.0), stop,
        )  # fmt: skip
        try:
            reply = model.stream(messages, sampling)
        except UserError as error:
            return wrong(400, str(error))
        if reply.usage.prompt_tokens + sampling.max_new_tokens > LENGTH:
            return wrong(400, f"This model's maximum context length is {LENGTH} tokens.")
        if not body.get("stream"):
            text = await run_in_threadpool(reply.read)
            return JSONResponse({"choices": [{"message": {"content": text}}], "usage": told(reply.usage)})
        seen.bodies.append(shortened(body))
        return StreamingResponse(events(reply, wished, seen), media_type="text/event-stream")

    async def events(reply: Reply, wished: Wish, seen: Met) -> AsyncIterator[str]:
        seen.running += 1
        seen.most = max(seen.most, seen.running)
        try:
            await asyncio.sleep(wished.late_s)
            said = 0
            async for piece in iterate_in_threadpool(iter(wished.says or reply)):
                yield event(choices=[{"index": 0, "delta": {"content": piece}, "finish_reason": None}])
                said += 1
                if said == wished.cut:
                    return
                await asyncio.sleep(wished.pause_s)
            finish = "length" if reply.usage.finish == "length" else "stop"
            yield event(choices=[{"index": 0, "delta": {}, "finish_reason": finish}])
            yield event(choices=[], usage=told(reply.usage))
            yield "data: [DONE]\n\n"
        finally:
            reply.cancel()
            seen.running -= 1

    return made


def event(**content: Any) -> str:
    return f"data: {json.dumps(content, ensure_ascii=False)}\n\n"


def told(usage: Usage) -> dict[str, int]:
    return {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.new_tokens}


def wrong(status: int, said: str) -> Response:
    return JSONResponse({"error": {"message": said, "code": status}}, status)


def shortened(body: dict[str, Any]) -> str:
    for message in body["messages"]:
        for part in message["content"] if isinstance(message["content"], list) else ():
            part.pop("image_url", None)
    return json.dumps(body["messages"])


class Running:
    """A server in a process of its own."""

    def __init__(self, address: str) -> None:
        self.address = address

    def wish(self, **wishes: Any) -> None:
        """These and no others. forget: the pictures it has."""
        httpx.post(f"{self.address}/wish", json=wishes, trust_env=False).raise_for_status()

    def met(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.address}/met", trust_env=False).json()
        return found


@contextmanager
def serving() -> Iterator[Running]:
    command = [sys.executable, "-m", "tests.model_server"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Running(process.stdout.readline().strip())
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()


def main() -> None:
    config = uvicorn.Config(app(), host="127.0.0.1", port=0, log_level="warning")
    with closing(config.bind_socket()) as socket:
        host, port = socket.getsockname()
        print(f"http://{host}:{port}", flush=True)
        uvicorn.Server(config).run([socket])


if __name__ == "__main__":
    main()
