"""Make the paintings of this folder from the puzzles of the Debian package gcompris-qt-data.

    apt-get download gcompris-qt-data && dpkg -x gcompris-qt-data_*.deb unpacked
    python data/paintings/pack.py unpacked/usr/share/gcompris-qt/rcc/paintings.rcc

The package holds each painting as the pieces of a puzzle, and says where their middles belong. The pieces are
put there, what they cover is cut out, made 400 pixels wide and stored as JPEG.
"""

import io
import re
import struct
import sys
import zlib
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
PAINTINGS = {"auvers": "Village Street in Auvers", "wave": "The Great Wave", "summertime": "Summertime"}
BOARD = (702, 515)  # pixels of the board that the pieces lie on
PIECE = re.compile(r'"(image/[^"]+\.webp)",\s*"x"\s*:\s*"?([\d.]+)"?,\s*"y"\s*:\s*"?([\d.]+)"?')
WIDTH = 400
BORDER = 3  # pixels of the scan's edge that are cut off


def main(path: Path) -> None:
    """Write each painting beside this program."""
    files = {name.rpartition("resource/")[2]: content for name, content in resources(path.read_bytes())}
    boards = [text.decode("utf-8") for name, text in files.items() if name.startswith("board/")]
    for name, title in PAINTINGS.items():
        board = next(text for text in boards if title in text)
        painting = assembled([(files[piece], float(x), float(y)) for piece, x, y in PIECE.findall(board)])
        height = round(WIDTH * painting.height / painting.width)
        small = painting.resize((WIDTH, height), Image.Resampling.LANCZOS)
        small.save(HERE / f"{name}.jpg", quality=85, optimize=True)
        print(f"{name}.jpg: {small.width}x{height}, from {painting.width}x{painting.height}")


def resources(data: bytes):
    """Yield (path, content) for each file of a Qt resource collection, uncompressed or by zlib.

    The format is that of Qt's tool rcc: a tree of nodes of 22 bytes, the files' contents, and their names.
    """
    magic, version, tree, contents, names = struct.unpack(">4s4I", data[:20])
    if magic != b"qres" or version < 2:
        raise ValueError(f"begins with {magic!r}, version {version}: give a Qt resource collection (.rcc)")
    waiting = [(0, "")]
    while waiting:
        node, path = waiting.pop()
        start = tree + 22 * node
        place, flags = struct.unpack(">IH", data[start : start + 6])
        if node:
            length = struct.unpack(">H", data[names + place : names + place + 2])[0]
            begin = names + place + 6
            path = f"{path}/{data[begin : begin + 2 * length].decode('utf-16-be')}"
        if flags & 2:  # a folder
            count, first = struct.unpack(">II", data[start + 6 : start + 14])
            waiting += [(first + child, path) for child in range(count)]
            continue
        begin = contents + struct.unpack(">I", data[start + 10 : start + 14])[0]
        size = struct.unpack(">I", data[begin : begin + 4])[0]
        content = data[begin + 4 : begin + 4 + size]
        yield path, zlib.decompress(content[4:]) if flags & 1 else content


def assembled(pieces: list[tuple[bytes, float, float]]) -> Image.Image:
    """Return the painting of a puzzle, from the content of each piece and the place of its middle, 0 to 1."""
    board = Image.new("RGBA", BOARD)
    for content, x, y in pieces:
        piece = Image.open(io.BytesIO(content)).convert("RGBA")
        corner = round(x * BOARD[0] - piece.width / 2), round(y * BOARD[1] - piece.height / 2)
        board.paste(piece, (max(corner[0], 0), max(corner[1], 0)), piece)
    left, top, right, bottom = board.getchannel("A").point(lambda alpha: 255 * (alpha > 127)).getbbox()
    inner = (left + BORDER, top + BORDER, right - BORDER, bottom - BORDER)
    return board.crop(inner).convert("RGB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
