"""One image: from bytes to an upright picture, and from any picture to encoder input.

`prepare` is the one way an image becomes encoder input; training, indexing and searching all go through it, so that a corpus row and
the same image as a query give the same vector. Encoders trained from scratch take a squashed square: nothing of the image is lost, and
the training views vary the aspect ratio anyway. Pretrained ones take what they were trained for. JPEG's fast reduced decoding is not
used below 100 megapixels, because its pixels differ from those of a full one. `data.decoding` turns files into pictures.
"""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
from PIL import Image

from samekind.core.cores import usable_cores
from samekind.core.errors import CorpusError, ImageError, InputError
from samekind.data.decoding.cells import encoded_in
from samekind.data.decoding.flatten import standardise
from samekind.data.decoding.object_store import fetched
from samekind.data.decoding.pictures import PictureFile, content_sha256, file_and_frame
from samekind.data.decoding.torch_resize import torch_resized
from samekind.data.types.images import ImageReference, Pixels
from samekind.data.types.preprocessing import TORCH, Preprocessing
from samekind.data.types.reading import Reading

__all__ = [
    "THUMBNAIL_LOSSLESS",
    "THUMBNAIL_SIDE",
    "decode_again",
    "decode_image",
    "image_from_array",
    "prepare",
    "standardise",
    "thumbnail",
    "to_pixels",
    "worker_threads",
]

THUMBNAIL_LOSSLESS = 64
"""Images up to this side (px) keep their exact pixels as a thumbnail."""
THUMBNAIL_SIDE = 96

_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_READ_AGAIN = "the same command again takes the files as they are then"
_GAP = 1.5  # how much larger a thumbnail may be after whole pixels have been averaged
_FINE = 64  # parts of a pixel that single precision counts exactly up to 2^18 pixels
_STRIP = 16  # longer side over shorter, beyond which only the middle is scaled


def decode_image(source: bytes | str | Path, reading: Reading | None = None, frame: int | None = None) -> Image.Image:
    """Reads an image as corpora and queries do: by its content, upright (EXIF), in sRGB, transparency on white, deep greys in 8 bits.

    Args:
        source: an encoded image, or the path of one; `x.tif#3` is the third picture of `x.tif`.
        reading: how large a picture may be, and what is black and white in deep ones (an index knows both: `index.reading`).
        frame: number of the picture in a file of several, from 1; the first if left out.

    Returns:
        a Pillow image of mode `L` or `RGB` without metadata, in its full size up to 100 megapixels and halved beyond.

    Raises:
        ImageError: the bytes are no image, or the file is missing, truncated, damaged or absurdly large. For bytes the message is the
            bare reason; for a path it names the file.
    """
    how = reading or Reading()
    if isinstance(source, bytes):
        return PictureFile(source, how).picture(frame or 1).image
    path, number = file_and_frame(source) if frame is None else (Path(source), frame)
    try:
        return PictureFile(path.read_bytes(), how).picture(number or 1).image
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file", hint="check the path") from None
    except IsADirectoryError:
        raise ImageError(f"{path}: is a folder, expected an image file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL inside the path
        raise ImageError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    except ImageError as error:
        raise ImageError(f"{source}: {error}", hint=error.hint) from error


def decode_again(reference: ImageReference, reading: Reading) -> Image.Image:
    """Reads the file of a corpus' image, if it still holds what it held when the corpus was read: its hash names what comes of it.

    Args:
        reference: an image with a path or a cell.
        reading: as that of `decode_image`.

    Raises:
        ImageError: the file has changed, is gone, or cannot be read; the message names the image.
    """
    encoded = _encoded_again(reference)
    if content_sha256(encoded, reference.frame) != reference.sha256:
        raise ImageError(f"{reference.uri}: the file has changed since the corpus was read", hint=_READ_AGAIN)
    try:
        return PictureFile(encoded, reading).picture(reference.frame or 1).image
    except ImageError as error:
        raise ImageError(f"{reference.uri}: {error}", hint=error.hint) from error


def _encoded_again(reference: ImageReference) -> bytes:
    if reference.cell is not None:
        try:
            return encoded_in(reference.cell)
        except ImageError as error:
            raise ImageError(f"{reference.uri}: {error}", hint=_READ_AGAIN) from error
    try:
        encoded = _file_again(reference)
    except ImageError:
        if reference.address is None:
            raise
    else:
        if reference.address is None or content_sha256(encoded, reference.frame) == reference.sha256:
            return encoded
    try:  # here lies no copy, or another one than where the corpus was read
        return fetched(reference.address)
    except CorpusError as error:
        raise ImageError(str(error), hint=error.hint) from error


def _file_again(reference: ImageReference) -> bytes:
    assert reference.path is not None
    try:
        # What has become a named pipe would wait for ever.
        encoded = reference.path.read_bytes() if reference.path.is_file() else None
        exists = reference.path.exists()
    except OSError as error:
        raise ImageError(f"{reference.uri}: cannot be read ({error.strerror or error})", hint=_READ_AGAIN) from error
    if encoded is None:
        what = "is no longer a file" if exists else "no such file: it is gone since the corpus was read"
        raise ImageError(f"{reference.uri}: {what}", hint=_READ_AGAIN)
    return encoded


def image_from_array(pixels: Pixels) -> Image.Image:
    """An `(H, W)` or `(H, W, 1, 3 or 4)` uint8 array as a Pillow image of mode `L` or `RGB`; a fourth channel is alpha, put on white.

    Raises:
        InputError: it has another shape, or no pixel.
    """
    if pixels.size == 0 or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4)):
        raise InputError(f"an image must be (H, W) or (H, W, 1, 3 or 4), got {pixels.shape}")
    return standardise(Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels))


def to_pixels(image: Image.Image) -> Pixels:
    """The image as a new `(H, W)` or `(H, W, 3)` uint8 array."""
    return np.array(standardise(image), dtype=np.uint8)


def prepare(image: Image.Image, preprocessing: Preprocessing) -> Pixels:
    """Encoder input: `(S, S, C)` uint8 in [0, 255] for size S and C channels, or `(2, S, S, C)` for two crops.

    Args:
        image: any Pillow image; one that is already `(S, S)` is not resampled, unless a crop is asked for.
        preprocessing: size, channels, and the way there.
    """
    mode = "L" if preprocessing.channels == 1 else "RGB"
    image = standardise(image)
    if image.mode != mode:  # converting would copy it
        image = image.convert(mode)
    crop = _torch_crop if preprocessing.resize == TORCH else _pillow_crop
    crops = [crop(image, each) for each in preprocessing.each_crop]
    return (crops[0] if len(crops) == 1 else np.stack(crops)).reshape(preprocessing.shape)


def _pillow_crop(image: Image.Image, preprocessing: Preprocessing) -> Pixels:
    size = preprocessing.size
    scaled = _cropped(image, preprocessing) if preprocessing.crop else _resized(image, (size, size), preprocessing)
    return np.array(scaled, dtype=np.uint8)


def _torch_crop(image: Image.Image, preprocessing: Preprocessing) -> Pixels:
    size = preprocessing.size
    if not preprocessing.crop:
        return torch_resized(image, (size, size), preprocessing.interpolation)
    image = _middle(image)
    whole, (left, top) = _scaled_and_corner(image.size, preprocessing)
    return torch_resized(image, whole, preprocessing.interpolation, (left, top, left + size, top + size))


def _scaled_and_corner(
    picture: tuple[int, int], preprocessing: Preprocessing
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Width and height of a picture whose shorter side was scaled, and the corner of its centre, rounded as torchvision does."""
    shorter = int(preprocessing.size / preprocessing.crop)
    width, height = (max(1, int(shorter * side / min(picture))) for side in picture)
    return (width, height), (round((width - preprocessing.size) / 2), round((height - preprocessing.size) / 2))


def _cropped(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """The centre of the image after its shorter side was scaled."""
    size = preprocessing.size
    image = _middle(image)
    width, height = image.size
    whole, (left, top) = _scaled_and_corner(image.size, preprocessing)
    across, down = _span(width, whole[0], left, size), _span(height, whole[1], top, size)
    part = across.stop - across.start, down.stop - down.start
    if image.size == whole or part == whole or _height_first(image.size, part) != _height_first(image.size, whole):
        image = _resized(image, whole, preprocessing)
    else:
        box = (across.start * width / whole[0], down.start * height / whole[1])
        ends = (across.stop * width / whole[0], down.stop * height / whole[1])
        image = image.resize(part, _FILTERS[preprocessing.interpolation], (*box, *ends))
        left, top = left - across.start, top - down.start
    return image.crop((left, top, left + size, top + size))


def _span(side: int, scaled: int, first: int, size: int) -> range:
    """Pixels of a scaled side that are made so that those from `first` on, `size` of them, get the weights that they have in all of it.

    Pillow takes a part of the image in single precision: the span reaches to the nearest pixels whose places are exact in that.
    """
    step = scaled // math.gcd(side * _FINE, scaled)
    return range(first // step * step, min(scaled, -(-(first + size) // step) * step))


def _height_first(size: tuple[int, int], made: tuple[int, int]) -> bool:
    """True if Pillow 13 scales down before it scales along, which rounds differently; earlier ones never do."""
    return size[1] - made[1] > 2 * max(0, size[0] - made[0])


def _middle(image: Image.Image) -> Image.Image:
    """The middle of a strip: scaling a picture of 1 × 20,000 px by its shorter side would take gigabytes."""
    width, height = image.size
    if max(width, height) <= _STRIP * min(width, height):
        return image
    wide, high = min(width, _STRIP * height), min(height, _STRIP * width)
    left, top = (width - wide) // 2, (height - high) // 2
    return image.crop((left, top, left + wide, top + high))


def _resized(image: Image.Image, size: tuple[int, int], preprocessing: Preprocessing) -> Image.Image:
    # Pillow widens the filter when shrinking: antialiased
    return image if image.size == size else image.resize(size, _FILTERS[preprocessing.interpolation])


def worker_threads() -> int:
    """Threads for decoding: one a core, and two more that wait for the disk."""
    return min(16, usable_cores() + 2)


def _shown(image: Image.Image, side: int) -> Image.Image:
    """The image with at most that many pixels a side. No encoder looks at it, so the quick filter will do."""
    longer = max(image.size)
    if longer <= side:
        return image
    size = (max(1, round(image.width * side / longer)), max(1, round(image.height * side / longer)))
    return image.resize(size, Image.Resampling.HAMMING, reducing_gap=_GAP)


def thumbnail(image: Image.Image, side: int = THUMBNAIL_SIDE) -> bytes:
    """The image for showing: a lossless PNG up to 64 px, otherwise a JPEG of at most `side` px a side."""
    image = standardise(image)
    buffer = io.BytesIO()
    if max(image.size) <= THUMBNAIL_LOSSLESS:
        image.save(buffer, "PNG", compress_level=1)
    else:
        _shown(image, side).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
