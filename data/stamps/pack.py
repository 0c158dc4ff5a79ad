"""Make stamps.webp from the photographs that index.json names.

    apt-get download tuxpaint-stamps-default && dpkg -x tuxpaint-stamps-default_*.deb unpacked
    python data/stamps/pack.py unpacked/usr/share/tuxpaint/stamps

Each photograph is cropped to what its alpha shows, made 64 pixels long at most, and put into one tile of the
sheet, at its top left corner. index.json gets its width and height. The names in it are ours: where the
package describes a picture in a sentence, the index has the usual noun in English, Korean and Japanese.
"""

import json
import sys
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
TILE, COLUMNS = 64, 16


def main(folder: Path) -> None:
    """Write the sheet, and the sizes of its pictures into the index."""
    rows = json.loads((HERE / "index.json").read_text(encoding="utf-8"))
    sheet = Image.new("RGBA", (COLUMNS * TILE, -(-len(rows) // COLUMNS) * TILE))
    for number, row in enumerate(rows):
        stamp = small(Image.open(folder / row["source"]).convert("RGBA"))
        sheet.paste(stamp, (number % COLUMNS * TILE, number // COLUMNS * TILE))
        row["width"], row["height"] = stamp.size
    sheet.save(HERE / "stamps.webp", quality=80, alpha_quality=100, method=6)
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (HERE / "index.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def small(image: Image.Image) -> Image.Image:
    """Return an image cropped to what can be seen of it, with sides of at most TILE pixels."""
    seen = image.getchannel("A").point(lambda alpha: 255 if alpha > 127 else 0)
    image = image.crop(seen.getbbox())
    image.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
    return image.crop(image.getchannel("A").point(lambda alpha: 255 if alpha > 127 else 0).getbbox())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
