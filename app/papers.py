"""Papers: documents that a browser has given: read page by page, set right by a person, exported, asked for values."""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PIL import Image

from agent.documents import batch
from agent.documents.edits import edited
from agent.documents.extract import Extracted, Form, extract
from agent.documents.pages import PageRead, read_page
from app.worker import Worker
from model.vlm import Reply, VisionLanguageModel
from tools import documents
from tools.errors import UserError

SIDE, QUALITY = 1600, 82  # of a page's picture as it is shown


@dataclass(frozen=True)
class Choice:
    """How the files are to be read."""

    numbers: tuple[int, ...] | None = None  # of the pages; None: all
    password: str = ""
    use_layer: bool = True


@dataclass(frozen=True)
class Sheet:
    """A page that was read."""

    file: Path
    page: PageRead
    picture: Path  # JPEG


@dataclass(frozen=True)
class Filled:
    """The values found in one file."""

    name: str
    found: Extracted


@dataclass(frozen=True)
class Under:
    """The page under way. share: of all the work, from 0 to 1."""

    name: str
    number: int
    of: int
    share: float


class Papers:
    """Two workers: one reads, one fills in a form. Everything else is for pages of the browser, from any thread."""

    def __init__(self, files: Sequence[Path], choice: Choice, model: Callable[[], VisionLanguageModel]) -> None:
        """Nothing is read before `read` or `fill`. model: called on a worker's thread; may take long."""
        self.files, self.choice = list(files), choice
        self.at = 0  # the sheet that is looked at
        self.problems: list[tuple[str, UserError]] = []  # files that could not be read to their end, and why
        self.began = self.closed = False
        self.under: dict[str, Under] = {}  # "read" and "fill"
        self.replies: dict[str, Reply] = {}  # the same
        self.reading: Worker[Sheet] = Worker(self._read)
        self.filling: Worker[Filled] | None = None
        self._model = model
        self._folder = Path(tempfile.mkdtemp(prefix="handeye-pages-"))

    @property
    def sheets(self) -> list[Sheet]:
        return self.reading.items

    @property
    def is_reading(self) -> bool:
        return self.began and not self.reading.is_over

    @property
    def is_locked(self) -> bool:
        """Does a file want a password?"""
        errors = [*(error for _, error in self.problems), self.filling and self.filling.error]
        return any(isinstance(error, documents.PasswordNeeded) for error in errors)

    def read(self) -> None:
        self.began = True
        self.reading.start()

    def fill(self, form: Form, choice: Choice) -> None:
        """Every file is asked for the values of the form, whatever was read of it."""
        self.stop_filling()
        self.filling = Worker(partial(self._fill, form, choice))
        self.filling.start()

    def stop(self) -> None:
        """What was read stays."""
        self._stop("read", self.reading)

    def stop_filling(self) -> None:
        if self.filling:
            self._stop("fill", self.filling)

    def close(self) -> None:
        self.closed = True
        self.stop()
        self.stop_filling()
        shutil.rmtree(self._folder, ignore_errors=True)

    def edit(self, at: int, order: int, text: str) -> None:
        """A person's words in the place of a block's, if it is still there."""
        if 0 <= at < len(self.sheets) and 0 <= order < len(self.sheets[at].page.parts):
            self.sheets[at] = replace(self.sheets[at], page=edited(self.sheets[at].page, order, text))

    def export(self, kind: str) -> tuple[str, bytes]:
        """A file's name and content; of several files a zip. kind: as agent/documents/batch.py writes them."""
        with tempfile.TemporaryDirectory() as folder:
            written: list[Path] = []
            files = list(dict.fromkeys(sheet.file for sheet in self.sheets))
            names = [file.name for file in files]
            for number, file in enumerate(files, 1):
                inside = Path(folder, str(number) if names.count(file.name) > 1 else "")
                inside.mkdir(exist_ok=True)
                pages = [sheet.page for sheet in self.sheets if sheet.file == file]
                written += batch.write(pages, file.name, inside / file.name, [kind])
            if len(written) == 1:
                return written[0].name, written[0].read_bytes()
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                for path in written:
                    archive.write(path, path.relative_to(folder))
            return f"{names[0] if len(names) == 1 else 'documents'}.{kind}.zip", packed.getvalue()

    # -- on the workers' threads ----------------------------------------------------------------------------------

    def _read(self, worker: Worker[Sheet]) -> Iterator[Sheet]:
        model = self._model()
        for file in self.files:
            try:
                for page in self._pages(file, self.choice, "read", worker):
                    read = read_page(
                        model, page, use_layer=self.choice.use_layer, on_reply=partial(self._hear, "read", worker)
                    )
                    yield Sheet(file, read, self._keep(page.image))
            except UserError as error:
                self.problems.append((file.name, error))
                worker.changed()

    def _fill(self, form: Form, choice: Choice, worker: Worker[Filled]) -> Iterator[Filled]:
        model = self._model()
        for file in self.files:
            if worker.stopping.is_set():
                return
            pages = ((page.number, page.image) for page in self._pages(file, choice, "fill", worker))
            yield Filled(file.name, extract(model, pages, form, on_reply=partial(self._hear, "fill", worker)))

    def _pages(
        self, file: Path, choice: Choice, doing: str, worker: Worker[Sheet] | Worker[Filled]
    ) -> Iterator[documents.Page]:
        """Until it is stopped. Raises UserError."""
        numbers, before = choice.numbers, self.files.index(file)
        pages = documents.pages(file, numbers, password=choice.password)
        for count, page in enumerate(pages):
            if worker.stopping.is_set():
                return
            share = (before + count / (len(numbers) if numbers else page.of)) / len(self.files)
            self.under[doing] = Under(file.name, page.number, page.of, share)
            worker.changed()
            yield page

    def _hear(self, doing: str, worker: Worker[Sheet] | Worker[Filled], reply: Reply) -> None:
        self.replies[doing] = reply
        if worker.stopping.is_set():  # before there was a reply to cancel
            reply.cancel()

    def _stop(self, doing: str, worker: Worker[Sheet] | Worker[Filled]) -> None:
        worker.stop()
        if reply := self.replies.get(doing):
            reply.cancel()

    def _keep(self, image: Image.Image) -> Path:
        path = self._folder / f"{len(self.sheets)}.jpg"
        if self.closed:  # nobody looks at it any more
            return path
        shown = image.copy()
        shown.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        shown.save(path, "JPEG", quality=QUALITY)
        return path
