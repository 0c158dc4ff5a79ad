"""Sixty pictures that are none, or bombs, or lies: each is answered with 4xx and a sentence."""

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import requests
from PIL import Image, ImageDraw
from serving_tools import file_of, mnist, seven

from convlab.serving import pictures
from convlab.serving.errors import Refused
from convlab.serving.local import Local
from convlab.serving.settings import Settings


def chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG file."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, data=b"", depth=8, colour=0, before=b"", interlaced=0, packed=None) -> bytes:
    """Return a PNG file whose header and whose pixels may say different things."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))
    packed = zlib.compress(data, 9) if packed is None else packed
    return b"\x89PNG\r\n\x1a\n" + header + before + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def rows(width, height, value=b"\x80") -> bytes:
    """Return grey rows as PNG filters them, of a picture of that size."""
    return (b"\0" + value * width) * height


def drawn(size=(60, 60), mode="L"):
    """Return a picture with a stroke."""
    image = Image.new("L", size, 0)
    ImageDraw.Draw(image).line([(10, 10), (size[0] - 12, 12), (20, size[1] - 10)], 255, 6)
    return image.convert(mode)


def animated(kind):
    """Return a picture that moves."""
    first, second = drawn(mode="RGB"), drawn((60, 60), "RGB").rotate(90)
    return file_of(first, kind, save_all=True, append_images=[second], duration=100)


def flipped(data, place):
    """Return bytes of which one is changed."""
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


def jpeg_of(width, height):
    """Return a JPEG whose header claims another size than its pixels have."""
    data = file_of(drawn(), "JPEG")
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]


def scans(count):
    """Return a progressive JPEG whose last scan comes so many times more."""
    data = file_of(drawn(), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * count + b"\xff\xd9"


PNG, JPEG, WEBP = seven(), file_of(drawn(), "JPEG"), file_of(drawn(mode="RGB"), "WEBP")
BOMB = png(50_000, 50_000, b"\0" * 50_001 * 100)
HIDDEN = b"a\0\0" + zlib.compress(bytes(99_000_000))
MANY = {  # few bytes each, and a decoder has no end of them
    "JPEG of 5,000 scans": scans(5000),
    "JPEG of 5,000 comments": JPEG[:2] + b"\xff\xfe\0\2" * 5000 + JPEG[2:],
    "JPEG with 5,000 bytes between its parts": JPEG[:2] + b"\0" * 5000 + JPEG[2:],
    "JPEG with 5,001 bytes of padding": JPEG[:2] + b"\xff" * 5001 + JPEG[2:],
    "PNG in 5,000 pieces": png(28, 28, rows(28, 28), before=chunk(b"IDAT", b"") * 5000),
    "PNG of 5,000 private parts": png(28, 28, rows(28, 28), before=chunk(b"prVt", b"") * 5000),
    "PNG of 5,000 texts": png(28, 28, rows(28, 28), before=chunk(b"tEXt", b"a\0b") * 5000),
}
BAD = {
    **MANY,
    # nothing, and something else
    "empty": b"",
    "one byte": b"\x89",
    "text": b"this is not a picture",
    "zeros": bytes(5000),
    "HTML": b"<html><script>alert(1)</script></html>",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="28" height="28"><rect/></svg>',
    "SVG with an entity": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg>&a;</svg>',
    "PDF": b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 28 28\nshowpage\n",
    "zip": b"PK\x03\x04" + bytes(200),
    "gzip": zlib.compress(PNG),
    "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
    "program": b"\x7fELF" + bytes(200),
    "path": b"../../../../etc/passwd",
    "address": b"http://169.254.169.254/latest/meta-data/",
    # formats that we do not read
    "GIF": file_of(drawn(), "GIF"),
    "BMP": file_of(drawn(), "BMP"),
    "TIFF": file_of(drawn(), "TIFF"),
    "ICO": file_of(drawn((64, 64), "RGBA"), "ICO"),
    "PPM": file_of(drawn(), "PPM"),
    "TGA": file_of(drawn(), "TGA"),
    "PCX": file_of(drawn(), "PCX"),
    # animated
    "animated PNG": animated("PNG"),
    "animated WebP": animated("WEBP"),
    "animated GIF": animated("GIF"),
    # colours that are not those of a screen
    "CMYK": file_of(drawn(mode="CMYK"), "JPEG"),
    # sizes
    "1 x 60,000": png(1, 60_000, rows(1, 60_000)),
    "60,000 x 1": png(60_000, 1, rows(60_000, 1)),
    "8 x 9,000": png(8, 9_000, rows(8, 9_000)),
    "1 x 1": png(1, 1, rows(1, 1)),
    "7 x 7": png(7, 7, rows(7, 7)),
    "0 x 28": png(0, 28, b""),
    "no size": png(0, 0, b""),
    "4 billion a side": png(2**31 - 1, 2**31 - 1, b""),
    "bomb of 50,000 x 50,000": BOMB,
    "12,000 x 10": png(12_000, 10, rows(12_000, 10)),
    "4,001 x 4,001": png(4_001, 4_001, b""),
    "JPEG that claims 65,000 x 65,000": jpeg_of(65_000, 65_000),
    "bomb within a text of the file": png(
        28, 28, rows(28, 28), before=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(99_000_000)))
    ),
    "bomb within a colour profile": png(
        28, 28, rows(28, 28), before=chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(99_000_000)))
    ),
    # torn
    "PNG, its half": PNG[: len(PNG) // 2],
    "PNG without its last byte": file_of(drawn((200, 200)))[:-200],
    "PNG, its first 20 bytes": PNG[:20],
    "PNG, its signature alone": PNG[:8],
    "JPEG, its half": JPEG[: len(JPEG) // 2],
    "JPEG, its first 4 bytes": JPEG[:4],
    "WebP, its half": WEBP[: len(WEBP) // 2],
    "WebP, its first 16 bytes": WEBP[:16],
    # lying headers
    "PNG with less than it claims": png(100, 100, rows(100, 40)),
    "PNG with more than it claims": png(100, 40, rows(100, 100)),
    "PNG wider than it claims": png(50, 100, rows(100, 100)),
    "PNG that claims 16 bits": png(28, 28, rows(28, 28), depth=16),
    "PNG that claims colours": png(28, 28, rows(28, 28), colour=2),
    "PNG of a depth that does not exist": png(28, 28, rows(28, 28), depth=7),
    "PNG with a wrong sum of its header": flipped(PNG, 29),
    "PNG with a wrong sum of its pixels": flipped(PNG, len(PNG) - 14),
    "PNG whose pixels are not packed": png(28, 28, packed=rows(28, 28)),
    "PNG without a palette that it needs": png(28, 28, rows(28, 28), colour=3),
    "PNG without pixels": png(28, 28, packed=b""),
    # nothing to read
    "black": file_of(Image.new("L", (28, 28), 0)),
    "white": file_of(Image.new("RGB", (200, 200), "white"), "JPEG"),
    "all clear": file_of(Image.new("RGBA", (50, 50), (255, 255, 255, 0))),
}
LIES = {
    "JPEG that is PNG": ("image/jpeg", PNG),
    "PNG that is JPEG": ("image/png", JPEG),
    "SVG that is PNG": ("image/svg+xml", PNG),
}


@pytest.fixture(scope="module")
def running():
    """A service, and a header of its administrator."""
    with Local(Settings(body_seconds=60)) as service:
        yield service, service.log_in()


def test_there_are_sixty():
    assert len(BAD) >= 60


@pytest.mark.parametrize("name", BAD)
def test_a_bad_picture_is_answered_with_a_sentence(name, running):
    service, header = running
    files = {"image": ("picture.bin", BAD[name], "application/octet-stream")}
    said = requests.post(f"{service.url}/predict", headers=header, files=files, timeout=60)
    assert 400 <= said.status_code < 500, said.text
    assert said.status_code not in (401, 429)
    sentence = said.json()["detail"]
    assert sentence[0].isupper() and sentence.endswith(".") and len(sentence.split()) > 3


@pytest.mark.parametrize("name", MANY)
def test_a_picture_of_very_many_parts_is_not_decoded(name, monkeypatch):
    monkeypatch.setattr(pictures.Image, "open", lambda *_, **__: pytest.fail("it was decoded"))
    with pytest.raises(Refused, match="too many parts") as refused:
        pictures.read(MANY[name])
    assert refused.value.status == 422


@pytest.mark.parametrize("name", LIES)
def test_a_content_type_that_is_not_the_file_s_is_refused(name, running):
    service, header = running
    kind, data = LIES[name]
    body = {"data": data, "headers": header | {"Content-Type": kind}}
    for request in ({"files": {"image": ("7", data, kind)}, "headers": header}, body):
        said = requests.post(f"{service.url}/predict", timeout=60, **request)
        assert said.status_code == 415
        assert "The header says" in said.json()["detail"]


@pytest.mark.parametrize(
    "name", [name for name in BAD if "bomb" in name or "claims" in name or "billion" in name]
)
def test_a_bomb_takes_no_memory(name):
    tracemalloc.start()
    try:
        with pytest.raises(Refused):
            pictures.digit(pictures.read(BAD[name]))
        assert tracemalloc.get_traced_memory()[1] < 80_000_000
    finally:
        tracemalloc.stop()


GOOD = {
    "PNG": PNG,
    "JPEG": JPEG,
    "WebP": WEBP,
    "black and white": file_of(drawn().convert("1")),
    "palette": file_of(drawn().convert("P")),
    "16 bits": file_of(Image.fromarray((np.asarray(drawn(), "uint16") * 257).astype("uint16"))),
    "with alpha": file_of(drawn(mode="RGBA")),
    "grey with alpha": file_of(drawn(mode="LA")),
    "progressive": file_of(drawn((300, 200)), "JPEG", progressive=True),
    "in 50 scans": scans(44),
    "of 10 million pixels": file_of(drawn((4000, 2500)), "PNG"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_picture_is_read(name):
    digit = pictures.digit(pictures.read(GOOD[name]))
    assert digit.shape == (28, 28) and digit.dtype == np.uint8
    assert digit.max() > 100


def test_digits_of_mnist_come_back_as_they_are_and_from_a_sheet_nearly():
    for image in mnist(20)[0]:
        assert (pictures.digit(pictures.read(file_of(Image.fromarray(image)))) == image).all()
        sheet = Image.new("L", (400, 500), 0)
        sheet.paste(Image.fromarray(image).resize((224, 224), Image.Resampling.NEAREST), (90, 150))
        again = pictures.digit(pictures.read(file_of(sheet)))
        assert np.abs(again.astype(int) - image).mean() < 2  # a digit that is moved by one pixel: 16 or more


@pytest.mark.parametrize("seed", range(40))
def test_no_change_of_bytes_raises_anything_else(seed):
    rng = np.random.default_rng(seed)
    for original in (PNG, JPEG, WEBP):
        data = bytearray(original)
        for place in rng.integers(0, len(data), rng.integers(1, 30)):
            data[place] = rng.integers(0, 256)
        try:
            pictures.digit(pictures.read(bytes(data[: rng.integers(1, len(data) + 1)])))
        except Refused as error:
            assert 400 <= error.status < 500
