"""Read a picture that a stranger has sent, with limits, and make it look like MNIST's digits."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from convlab.serving.errors import Refused

FORMATS = ("PNG", "JPEG", "WEBP")
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16")
SMALLEST, LONGEST_SHAPE = 8, 20
SIDE, DIGIT = 28, 20
SHOWN = 560  # pixels a side; a larger picture is made smaller once it is decoded
ALONE = {0x00, 0x01, *range(0xD0, 0xD9)}  # markers of JPEG without a length
PARTS, SCANS = 2000, 100  # of a file at most: a picture of 5 MB has some hundred parts, and some ten scans


def read(data: bytes, content_type: str = "", pixels: int = 16_000_000, side: int = 10_000) -> Image.Image:
    """Return the picture, upright, as RGBA or L; `Refused` with a sentence if it is not one that we take.

    Its size is looked at before a single pixel is computed: a file of 1 kB may claim 50,000 x 50,000. So is
    the number of its parts: a file of 5 MB may have a hundred thousand scans, each of which passes over all
    pixels again. A picture of more than 560 pixels a side comes back smaller. What the camera has written
    into the file (place, time, owner) is not taken over. Lesson 26.

    Args:
        data: the bytes of the file.
        content_type: what the client says that they are; an image type that they are not is refused.
        pixels: the largest number of pixels.
        side: the longest side.

    >>> file = io.BytesIO()
    >>> Image.new("L", (30, 20)).save(file, "PNG")
    >>> read(file.getvalue()).size
    (30, 20)
    """
    if not data:
        raise Refused(400, "The picture is empty.")
    _check_parts(data)
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise Refused(415, f"This is no picture in a format that we read: {', '.join(FORMATS)}.") from None
    except Image.DecompressionBombError:
        raise Refused(413, f"The picture has too many pixels; {pixels:,} is the limit.") from None
    except Exception:
        raise Refused(422, "The picture's file is damaged: its first bytes cannot be read.") from None
    _check_form(image, content_type, pixels, side)
    try:
        if image.format == "PNG":
            _check_png(data)
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        mode = "L" if image.mode in ("1", "L", "I;16") else "RGBA"
        upright = image if image.mode == mode else image.convert(mode)
        upright.thumbnail((SHOWN, SHOWN), Image.Resampling.BOX)
        return upright
    except Refused:
        raise
    except Exception:  # a decoder meets hostile bytes here: what it raises depends on them
        raise Refused(422, "The picture's file is damaged: it ends early or contradicts itself.") from None


def _check_form(image: Image.Image, content_type: str, pixels: int, side: int) -> None:
    """Refuse a picture whose form we do not take, from what its first bytes say."""
    width, height = image.size
    kind = content_type.partition(";")[0].strip().lower().replace("image/jpg", "image/jpeg")
    if kind.startswith("image/") and kind not in ("image/*", f"image/{str(image.format).lower()}"):
        raise Refused(415, f"The header says {kind}, but the file is {image.format}.")
    if min(width, height) < SMALLEST:
        raise Refused(
            422, f"A picture of {width}x{height} is too small; {SMALLEST} pixels is the least side."
        )
    if max(width, height) > side or width * height > pixels:
        raise Refused(
            413, f"A picture of {width}x{height} is too large; {side:,} a side and {pixels:,} pixels is most."
        )
    if max(width, height) > LONGEST_SHAPE * min(width, height):
        raise Refused(422, f"A picture of {width}x{height} is too narrow to be read.")
    if getattr(image, "n_frames", 1) > 1:
        raise Refused(415, "The picture is animated; send one picture.")
    if image.mode not in MODES:
        raise Refused(415, f"The picture's colours are {image.mode}; send grey or RGB.")


def _check_parts(data: bytes) -> None:
    """Refuse a PNG or JPEG of very many parts or scans: its bytes are few, and its decoding has no end."""
    if data.startswith(b"\x89PNG"):
        place = 8
        for _ in range(PARTS):
            if place + 8 > len(data):
                return
            place += 12 + int.from_bytes(data[place : place + 4], "big")
    elif data.startswith(b"\xff\xd8"):
        place = 2
        for _ in range(PARTS):
            marker = data[place : place + 2]
            if len(marker) < 2 or marker == b"\xff\xda":
                break  # the file ends, or the first scan begins
            if marker[0] != 0xFF or marker[1] == 0xFF:  # decoders pass over what is no marker
                place += 1
            else:
                alone = marker[1] in ALONE
                place += 2 if alone else 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        else:
            place = 0
        if place and data.count(b"\xff\xda") <= SCANS:
            return
    else:
        return
    raise Refused(422, "The picture's file has too many parts. Save it anew with another program.")


def _check_png(data: bytes) -> None:
    """Refuse a PNG whose pixels are more or fewer than its header says, which Pillow reads without a word."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", data[16:29])
    place, packed = 8, []
    while place + 8 <= len(data):
        length, name = struct.unpack(">I4s", data[place : place + 8])
        part, stated = data[place + 8 : place + 8 + length], data[place + 8 + length : place + 12 + length]
        if name == b"IDAT":
            packed.append(part)
            if struct.pack(">I", zlib.crc32(name + part)) != stated:
                raise Refused(422, "The picture's file is damaged: its checksum does not fit its pixels.")
        place += length + 12
    if not interlaced:
        row = 1 + (width * depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] + 7) // 8
        found = len(zlib.decompressobj().decompress(b"".join(packed), row * height + 1))
        if found != row * height:
            more = "more" if found > row * height else "less"
            raise Refused(
                422, f"The picture's header says {width}x{height}, but its file holds {more} than that."
            )


def digit(image: Image.Image) -> np.ndarray:
    """Return the picture as MNIST's were made, (28, 28) uint8, light ink on black; `Refused` if it is blank.

    Ink is what differs from the border. It is fitted into 20x20 pixels, its centre of mass in the middle of
    28x28. A picture of 28x28 with a dark border is taken as it is. Lesson 26.

    >>> page = np.full((50, 40), 250, "uint8")
    >>> page[10:40, 18:22] = 20  # a dark stroke on white
    >>> seven = digit(Image.fromarray(page))
    >>> seven.shape, int(seven[14, 14]), int(seven[0, 0])
    ((28, 28), 255, 0)
    """
    grey = _grey(image)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    background = float(np.median(border))
    ready = grey.shape == (SIDE, SIDE) and background < 32  # as MNIST's are
    ink = grey if ready else np.abs(grey - background)
    if not ready:
        ink[ink < 0.1 * ink.max()] = 0
    if ink.max() < 32:
        raise Refused(422, "The picture is blank: nothing in it differs from its border.")
    if ready:
        return ink.round().astype("uint8")
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] * (255 / ink.max())
    scale = DIGIT / max(ink.shape)
    size = [max(1, round(length * scale)) for length in ink.shape[::-1]]
    small = np.asarray(Image.fromarray(ink.astype("uint8")).resize(size, Image.Resampling.BOX), "float64")
    return _centred(small * (255 / small.max()))


def _grey(image: Image.Image) -> np.ndarray:
    """Return grey floats from 0 to 255, `SHOWN` pixels a side at most; of a clear picture its alpha."""
    image = image.copy()
    image.thumbnail((SHOWN, SHOWN), Image.Resampling.BOX)
    if image.mode == "RGBA":
        alpha = np.asarray(image.getchannel("A"), "float64")
        if np.mean(alpha < 128) > 0.1:
            return alpha
    return np.asarray(image.convert("RGB").convert("L"), "float64")


def _centred(ink: np.ndarray) -> np.ndarray:
    """Return ink of at most 20x20 on 28x28, its centre of mass in the middle."""
    total = ink.sum()
    centre = [float((ink.sum(axis=1 - axis) * np.arange(ink.shape[axis])).sum() / total) for axis in (0, 1)]
    top, left = (
        min(max(round(SIDE / 2 - middle), 0), SIDE - length) for middle, length in zip(centre, ink.shape)
    )
    canvas = np.zeros((SIDE, SIDE), "uint8")
    canvas[top : top + ink.shape[0], left : left + ink.shape[1]] = ink.round()
    return canvas
