"""Token ids -> text, as they come: never half a character, never more than the reply's stop words allow."""

from __future__ import annotations

import codecs
from typing import Any

# Marks that parsing reads (Qwen2-VL answers with them); every other special token is for the model, not for people.
SHOWN = (
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
)


def byte_of_letter() -> dict[str, int]:
    """Byte-level BPE writes every byte as one printable letter; this reads it back.

    Printable Latin-1 stands for itself, the other bytes follow from U+0100 on. Source: GPT-2's encoder.
    """
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(0x100 + i): byte for i, byte in enumerate(rest)}


class TokenBytes:
    """What each token of a byte-level tokenizer adds to a reply, in bytes."""

    def __init__(self, tokenizer: Any):
        self.tokenizer = tokenizer
        self.letters = byte_of_letter()
        self.hidden = set(tokenizer.all_special_ids) - set(tokenizer.convert_tokens_to_ids(list(SHOWN)))

    def of(self, token: int) -> bytes:
        """b"" for special tokens, and for the rows of the embedding that no token uses."""
        written = None if token in self.hidden else self.tokenizer.convert_ids_to_tokens(token)
        if written is None:
            return b""
        if all(letter in self.letters for letter in written):
            return bytes(self.letters[letter] for letter in written)
        return str(written).encode()  # an added token is written as it is


class Writer:
    """The text of one reply: `add` gives what a token makes certain, `stopped` says that a stop word was reached."""

    def __init__(self, tokens: TokenBytes, stop: tuple[str, ...]):
        self.tokens = tokens
        self.stop = tuple(word for word in stop if word)
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.tail = ""  # as much of the text so far as a stop word may have begun in
        self.stopped = False

    def add(self, token: int) -> str:
        piece = self.decoder.decode(self.tokens.of(token))
        text = self.tail + piece
        ends = [at + len(word) for word in self.stop if (at := text.find(word)) >= 0]
        if ends:
            self.stopped = True
            piece = text[len(self.tail) : min(ends)]
        longest = max(map(len, self.stop), default=1)
        self.tail = text[max(0, len(text) - longest + 1) :]
        return piece
