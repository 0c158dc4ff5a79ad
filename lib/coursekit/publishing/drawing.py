"""Draw who imports whom into docs/architecture.md, from the code: `python -m coursekit draw`.

The graph of imports is measured by grimp, which comes with import-linter (extra `test`).
"""

import argparse
import re
from pathlib import Path

from convlab.files import write_text
from coursekit.lessons import ROOT, CourseError

PAGE = Path("docs") / "architecture.md"
PACKAGES = ("convlab", "coursekit")
PLACE = re.compile(r"<!-- drawing -->\n.*?<!-- /drawing -->", re.DOTALL)

Arrows = dict[str, set[str]]


def main(argv: list[str]) -> int:
    """Write the drawing into its page and return 0."""
    parser = argparse.ArgumentParser(prog="python -m coursekit draw", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder of the course")
    page = parser.parse_args(argv).root / PAGE
    if not page.exists():
        raise CourseError(f"there is no {PAGE} to draw into")
    write_text(page, with_drawing(page.read_text(encoding="utf-8"), arrows()))
    return 0


def arrows() -> Arrows:
    """Return, for each part of convlab and coursekit, the parts that it imports.

    A part is a package or module directly below one of the two, such as `convlab.layers`. Imports inside
    functions count, too.
    """
    try:
        import grimp
    except ImportError as error:
        raise CourseError("the drawing needs grimp: pip install import-linter") from error
    graph = grimp.build_graph(*PACKAGES, cache_dir=None, exclude_type_checking_imports=True)
    inside = {module for module in graph.modules if "." in module and not module.endswith(".__main__")}
    found: Arrows = {_part(module): set() for module in inside}
    for module in inside:
        for imported in inside & graph.find_modules_directly_imported_by(module):
            if _part(module) != _part(imported):
                found[_part(module)].add(_part(imported))
    return found


def _part(module: str) -> str:
    """Return the part that a module belongs to: `convlab.layers` for `convlab.layers.pooling`."""
    return ".".join(module.split(".")[:2])


def with_drawing(text: str, measured: Arrows) -> str:
    """Return a page with the drawing in its place.

    Raises:
        CourseError: the page has no place for it, or more than one.
    """
    replaced, places = PLACE.subn(lambda _: drawing(measured), text)
    if places != 1:
        raise CourseError(f"{PAGE} needs the lines <!-- drawing --> and <!-- /drawing --> once")
    return replaced


def drawing(measured: Arrows) -> str:
    """Return the drawing in Mermaid's language; an arrow that follows from two others is left out."""
    lines = ["<!-- drawing -->", "```mermaid", "flowchart TB"]
    for package in PACKAGES:
        lines.append(f"  subgraph {package}")
        lines += [
            f'    {part}["{part.split(".")[1]}"]' for part in sorted(measured) if _within(part, package)
        ]
        lines.append("  end")
    for part in sorted(measured):
        lines += [f"  {part} --> {imported}" for imported in sorted(_needed(part, measured))]
    return "\n".join([*lines, "```", "<!-- /drawing -->"])


def _within(part: str, package: str) -> bool:
    """Return whether a part is in a package."""
    return part.startswith(f"{package}.")


def _needed(part: str, measured: Arrows) -> set[str]:
    """Return what a part imports, without what one of its imports leads to."""
    direct = measured[part]
    return direct - {far for near in direct for far in _reached(near, measured)}


def _reached(part: str, measured: Arrows) -> set[str]:
    """Return all that a part leads to."""
    found: set[str] = set()
    ahead = [*measured[part]]
    while ahead:
        if (near := ahead.pop()) not in found:
            found.add(near)
            ahead += measured[near]
    return found
