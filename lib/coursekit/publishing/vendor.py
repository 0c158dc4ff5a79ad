"""Copy what browsers need from installed packages: reveal.js, its fonts, MathJax."""

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from coursekit.lessons import CourseError

REVEAL = ("sphinx-revealjs", "sphinx_revealjs/_static/revealjs")
MATHJAX = ("sphinx-mathjax-offline", "sphinx-mathjax-offline/static/mathjax")
FONT = "dist/theme/fonts/source-sans-pro/source-sans-pro"
# name in our pages: package, folder in it, file there, SHA-256. One file of MathJax draws every formula:
# it carries its letters as paths, so that no browser has to fetch a font.
FILES = {
    "mathjax.js": (
        *MATHJAX,
        "tex-svg-full.js",
        "a4354ff94fd868aea0cc6eaaa79a57fda0588646fc46ee3700a349ee0a11cbe6",
    ),
    "reveal.js": (
        *REVEAL,
        "dist/reveal.js",
        "46538b52db48724192f59bf46f5e851a18e302777c46f4a34c32709d010d6a29",
    ),
    "reveal.css": (
        *REVEAL,
        "dist/reveal.css",
        "68f915a11ebf7203c0446576b7e952ff61c5dd02134a8a226ffaf62ed42136d2",
    ),
    "notes.js": (
        *REVEAL,
        "plugin/notes/notes.js",
        "df1201d19d03241a2897d39c3d38768177df1cbd4bde06327b321cb83461ae89",
    ),
    "sans-regular.woff": (
        *REVEAL,
        f"{FONT}-regular.woff",
        "d4eaa48ba450f4dd2d024ab5b0e895c73c81475718e5453fd1890254c16b7a57",
    ),
    "sans-italic.woff": (
        *REVEAL,
        f"{FONT}-italic.woff",
        "05d3615fdbe7d35c62d6a1308dc48e3985016b69e65926ed37b99fe7e6b297dc",
    ),
    "sans-semibold.woff": (
        *REVEAL,
        f"{FONT}-semibold.woff",
        "b0abd2736335424f9fd3eb27974a36d03783b3db141e0801dca7d3a635218b46",
    ),
    "sans-semibolditalic.woff": (
        *REVEAL,
        f"{FONT}-semibolditalic.woff",
        "7225cacc06c2f360367c138daa4ce727c2a0d26e42875b1f9e802f181fdb81c5",
    ),
    "LICENSE-reveal": (
        *REVEAL,
        "LICENSE",
        "34014800f4126ac2525e224166f099f26628612e95c41f76d70841b63138c989",
    ),
    "LICENSE-sans": (
        *REVEAL,
        "dist/theme/fonts/source-sans-pro/LICENSE",
        "bb5f5f9b59ff3ab358efed2c5436e8aa2e12444959c4bde82167b874d5db1b1c",
    ),
}
DECK = tuple(FILES)
SITE = ("mathjax.js",)


def copy(names: tuple[str, ...], folder: Path) -> None:
    """Copy the named files into `folder`; `CourseError` if one is missing or is not the one we know."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(content(name))


def content(name: str) -> bytes:
    """Return one file, whose SHA-256 has been checked."""
    package, inside, file, digest = FILES[name]
    remedy = "remove .venv and run make setup"
    try:
        found = Path(str(distribution(package).locate_file(f"{inside}/{file}"))).read_bytes()
    except (PackageNotFoundError, OSError) as error:
        raise CourseError(f"{name} is missing from the package {package}: {remedy}") from error
    if hashlib.sha256(found).hexdigest() != digest:
        raise CourseError(f"{name} of the package {package} is not the file that is expected: {remedy}")
    return found
