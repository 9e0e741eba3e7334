"""How the files of a corpus are read: which pictures of a file, how large, and what is black and white in those of more than 8 bits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from samekind.core.errors import InputError
from samekind.core.text import counted

FRAMES = ("first", "all")
MAX_PIXELS = 250_000_000
"""Pixels of one picture that are read without being asked for: any camera's; a photo of 200 megapixels is not rare."""

READING_ARGUMENTS = ("frames", "max_pixels", "depth")
"""Arguments of `load_corpus` that say how files are read; `Corpus.source` has those that were given."""

_DEPTHS = (8, 10, 12, 14, 16)  # bits a pixel that cameras and scanners really use
_MOST_BITS = 32


@dataclass(frozen=True)
class DeepRange:
    """The values of a grey or colour picture of more than 8 bits.

    Attributes:
        low: least value.
        high: greatest value.
        floating: the file holds floating-point numbers.
        integral: every value is a whole number.
    """

    low: float
    high: float
    floating: bool
    integral: bool


@dataclass(frozen=True)
class Depth:
    """Black and white of deep pictures, one decision for a corpus.

    Attributes:
        integers: values that become 0 and 255 where a file holds whole numbers; `None`: each file by its own values.
        floats: the same where a file holds floating-point numbers.
    """

    integers: tuple[float, float] | None = None
    floats: tuple[float, float] | None = None

    def range_of(self, values: DeepRange) -> tuple[float, float]:
        """Black and white for one picture."""
        decided = self.floats if values.floating else self.integers
        return black_and_white([values]) if decided is None else decided


def black_and_white(ranges: Iterable[DeepRange]) -> tuple[float, float]:
    """What becomes 0 and 255 so that all of these pictures keep their brightness relative to each other.

    Whole numbers are read as the smallest usual bit depth that holds their maximum (12-bit microscope images come in 16-bit files and would
    be all but black otherwise), fractions in [0, 1] as shares of white. What fits neither is stretched from minimum to maximum.
    """
    values = list(ranges)
    low, high = min(each.low for each in values), max(each.high for each in values)
    integral = all(each.integral for each in values) and (high > 1 or not values[0].floating)
    if low >= 0 and high <= 1 and not integral:
        return 0.0, 1.0
    if low >= 0 and integral and high < 2 ** _DEPTHS[-1]:
        return 0.0, next(2.0**bits - 1 for bits in _DEPTHS if high < 2**bits)
    return low, high


def common_depth(ranges: Iterable[DeepRange]) -> Depth | None:
    """One decision for all deep pictures of a corpus; `None` if it has none."""
    values = list(ranges)
    integers = [each for each in values if not each.floating]
    floats = [each for each in values if each.floating]
    if not values:
        return None
    return Depth(black_and_white(integers) if integers else None, black_and_white(floats) if floats else None)


@dataclass(frozen=True)
class Reading:
    """How files become pictures.

    Attributes:
        frames: `first` picture of each file, or `all` of them.
        max_pixels: width × height that is read; a file that claims more is refused before it is decoded.
        depth: black and white of deep pictures; `None` where none was decided, and each file is read by its own values.

    Raises:
        InputError: a value is out of range.
    """

    frames: str = "first"
    max_pixels: int = MAX_PIXELS
    depth: Depth | None = None

    def __post_init__(self) -> None:
        if self.frames not in FRAMES:
            raise InputError(f"frames must be one of {', '.join(FRAMES)}, got {self.frames!r}")
        if not _is_whole(self.max_pixels) or self.max_pixels < 1:
            raise InputError(f"max_pixels must be a whole number of at least 1, got {self.max_pixels!r}")

    @property
    def key(self) -> bytes:
        """What of this makes other pixels of the same file, for hashes; empty where nothing was decided."""
        return b"" if self.depth is None else repr((self.depth.integers, self.depth.floats)).encode()

    def to_json(self) -> dict[str, Any]:
        """Only what is not the default."""
        answer: dict[str, Any] = {}
        if self.frames != Reading.frames:
            answer["frames"] = self.frames
        if self.max_pixels != Reading.max_pixels:
            answer["max_pixels"] = self.max_pixels
        if self.depth is not None:
            answer["depth"] = {"integers": self.depth.integers, "floats": self.depth.floats}
        return answer

    @classmethod
    def from_json(cls, values: dict[str, Any] | None) -> Self:
        """What `to_json` gave; the default for `None`."""
        given = dict(values or {})
        depth = given.pop("depth", None)
        if depth is not None:
            pairs = {name: (float(pair[0]), float(pair[1])) for name, pair in depth.items() if pair is not None}
            given["depth"] = Depth(**pairs)
        return cls(**given)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def depth_of_bits(bits: int | None) -> Depth | None:
    """The depth that a person names.

    Raises:
        InputError: it is none of a picture.
    """
    if bits is None:
        return None
    if not _is_whole(bits) or not 1 <= bits <= _MOST_BITS:
        raise InputError(f"depth must be a number of bits between 1 and {_MOST_BITS}, got {bits!r}")
    return Depth(integers=(0.0, 2.0**bits - 1))


def depth_note(deep: Sequence[DeepRange], depth: Depth) -> str:
    """A line on the deep pictures of a corpus and what was decided for them."""
    most = max(values.high for values in deep)
    what = counted(len(deep), "picture")
    return f"{what} of more than 8 bits: read as {depth_text(depth)} (greatest value {most:,g})"


def depth_text(depth: Depth) -> str:
    """`12 bits`, or black and white where no number of bits says it."""
    texts = []
    for name, pair in (("", depth.integers), ("floating point ", depth.floats)):
        if pair is None:
            continue
        bits = (int(pair[1]) + 1).bit_length() - 1
        usual = not name and pair == (0.0, 2.0**bits - 1)
        texts.append(f"{bits} bits" if usual else f"{name}{pair[0]:,g} (black) to {pair[1]:,g} (white)")
    return ", ".join(texts)
