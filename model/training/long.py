"""Stage 3, long context: several pictures at once, longer videos, whole agent histories; otherwise as stage 2."""

from __future__ import annotations

from model.training.multimodal import flags, run

SHARES = "albums=3,films=3,papers=2,pages=2,plans=1"


def main(argv: list[str] | None = None) -> None:
    parser = flags(__doc__, SHARES, 300)
    parser.set_defaults(tokens=9000, rate=5e-4, tower=0.0)
    run(parser.parse_args(argv), "long")


if __name__ == "__main__":
    main()
