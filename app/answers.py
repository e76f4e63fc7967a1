"""Answers: replies spoken on threads of their own, so that a page that is closed or loaded again loses nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace

from PIL import Image

from agent.reading import Video
from app.conversations import Clip, Conversation, Options, Store, Turn
from app.pictures import grid, seen, seen_frames, video_grid
from model.families import Family, Grid
from model.messages import ImagePart, Message, Part, VideoPart, assistant, system, user
from model.vlm import Reply, Sampling, VisionLanguageModel
from tools.errors import UserError
from tools.geometry import Size
from tools.video import frames_per_second

TICK_S = 0.05  # at least so long between two looks at a reply that is being spoken


class Answer:
    """One reply to a conversation whose last turn is the user's."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation  # with the reply as its last turn, once there is one
        self.ended = False
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._reply: Reply | None = None

    def stop(self) -> None:
        """At once, mid-prefill too; callable from any thread."""
        self._stopped.set()
        if reply := self._reply:
            reply.cancel()

    def follow(self) -> Iterator[Conversation]:
        """The conversation as it grows, from now to the end; several may follow."""
        while True:
            with self._changed:
                shown, ended = self.conversation, self.ended
            yield shown
            if ended:
                return
            with self._changed:
                self._changed.wait_for(lambda shown=shown: self.ended or self.conversation is not shown)  # type: ignore[misc]
            time.sleep(TICK_S)

    def speak(self, model: Callable[[], VisionLanguageModel], store: Store) -> None:
        """To the end, whatever happens. The user's mistakes become the turn's "error"."""
        asked = self.conversation
        try:
            self._speak(asked, model(), store)
        except UserError as error:
            self._show(asked, Turn("assistant", "", usage={"error": str(error), "chinese": error.chinese}))
        finally:
            try:
                if len(self.conversation.turns) > len(asked.turns):
                    store.save(self.conversation)
            finally:  # a full disk keeps no page waiting
                with self._changed:
                    self.ended = True
                    self._changed.notify_all()

    def _speak(self, asked: Conversation, model: VisionLanguageModel, store: Store) -> None:
        messages = to_messages(asked, model, store)
        self._reply = reply = model.stream(messages, sampling(asked.options))
        if self._stopped.is_set():  # before there was a reply to cancel
            reply.cancel()
        turn = Turn("assistant", "", model=model.name, usage=sizes(asked, model, store))
        self._show(asked, turn)
        for _ in reply:
            self._show(asked, replace(turn, text=reply.text))
        self._show(asked, replace(turn, text=reply.text, usage=turn.usage | asdict(reply.usage)))

    def _show(self, asked: Conversation, turn: Turn) -> None:
        with self._changed:
            self.conversation = replace(asked, turns=(*asked.turns, turn))
            self._changed.notify_all()


class Answers:
    """Starts them, and knows which are under way."""

    def __init__(self, store: Store, model: Callable[[], VisionLanguageModel]) -> None:
        self.store = store
        self.model = model
        self._live: dict[str, Answer] = {}
        self._lock = threading.Lock()

    def ask(
        self,
        conversation: Conversation,
        text: str,
        pictures: Sequence[Image.Image] = (),
        videos: Sequence[Video] = (),
    ) -> Answer:
        """A new turn of the user, answered."""
        conversation = self._settled(conversation)
        kept = tuple(map(self.store.keep_picture, pictures))
        clips = tuple(self._keep(video) for video in videos)
        return self._start(replace(conversation, turns=(*conversation.turns, Turn("user", text, kept, videos=clips))))

    def again(self, conversation: Conversation, index: int, text: str | None = None) -> Answer:
        """The answer to the user's turn at or before `index` anew, what came after dropped. text: said instead."""
        conversation = self._settled(conversation)
        while index > 0 and conversation.turns[index].role != "user":
            index -= 1
        turn = conversation.turns[index]
        turn = turn if text is None else replace(turn, text=text)
        return self._start(replace(conversation, turns=(*conversation.turns[:index], turn)))

    def live(self, id: str) -> Answer | None:
        """The one under way in a conversation."""
        answer = self._live.get(id)
        return answer if answer and not answer.ended else None

    def stop(self, id: str) -> None:
        if answer := self.live(id):
            answer.stop()

    def close(self) -> None:
        for id in list(self._live):
            self.stop(id)

    def _keep(self, video: Video) -> Clip:
        frames = tuple(map(self.store.keep_picture, video.part.frames))
        return Clip(frames, video.part.times_s, video.seconds)

    def _settled(self, conversation: Conversation) -> Conversation:
        """With the reply that was under way as its last turn, stopped."""
        answer = self.live(conversation.id)
        if answer is None:
            return conversation
        answer.stop()
        *_, last = answer.follow()
        return replace(last, options=conversation.options)

    def _start(self, conversation: Conversation) -> Answer:
        answer = Answer(self.store.save(conversation))
        with self._lock:
            self._live = {id: each for id, each in self._live.items() if not each.ended} | {conversation.id: answer}
        threading.Thread(target=answer.speak, args=(self.model, self.store), daemon=True).start()
        return answer


def to_messages(conversation: Conversation, model: VisionLanguageModel, store: Store) -> list[Message]:
    """The words of a turn before its pictures and videos, as the model is taught."""
    options = conversation.options
    messages = [system(options.system)] if options.system.strip() else []
    for turn in conversation.turns:
        if turn.role == "assistant":
            messages.append(assistant(turn.text))
            continue
        parts: list[Part] = [
            ImagePart(seen(store.picture(digest), model.family, options.picture_tokens)) for digest in turn.pictures
        ]
        for clip in turn.videos:
            frames = seen_frames([*map(store.picture, clip.frames)], model.family, options.picture_tokens)
            parts.append(VideoPart(frames, clip.times_s))
        messages.append(user(turn.text, *parts))
    return messages


def sizes(conversation: Conversation, model: VisionLanguageModel, store: Store) -> dict[str, object]:
    """At what size the model sees each picture, which is what its coordinates mean, and what of the last video."""
    digests = dict.fromkeys(digest for turn in conversation.turns for digest in turn.pictures)
    grids = {digest: where(digest, conversation.options, model.family, store) for digest in digests}
    seen = {digest: [each.resized.width, each.resized.height] for digest, each in grids.items()}
    clips = [clip for turn in conversation.turns for clip in turn.videos]
    last = {"watched": watched(clips[-1], conversation.options, model.family, store)} if clips else {}
    return {"family": model.family.name, "seen": seen, **last}


def watched(clip: Clip, options: Options, family: Family, store: Store) -> dict[str, object]:
    size, count = Size(*store.size(clip.frames[0])), len(clip.frames)
    grid = video_grid(size, count, family, options.picture_tokens)
    seen = [grid.resized.width, grid.resized.height]
    fps = frames_per_second(clip.times_s)
    return {"seconds": clip.seconds, "frames": count, "fps": fps, "seen": seen, "tokens": grid.tokens}


def where(digest: str, options: Options, family: Family, store: Store) -> Grid:
    return grid(Size(*store.size(digest)), family, options.picture_tokens)


def sampling(options: Options) -> Sampling:
    return Sampling(options.max_new_tokens, temperature=options.temperature, top_p=options.top_p)
