"""Links from the book to places where a lesson runs: Colab, Binder, a hub. All come from `[tool.convlab]`.

That table of pyproject.toml is the one place with the course's public addresses. What is not set has no link.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from coursekit.lessons import ROOT, CourseError, Lesson

FORM = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?(/[^\s?#]*)?")
GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(\.git)?/?")


@dataclass(frozen=True)
class Addresses:
    """The public addresses of a course; an empty one is not set."""

    repository: str = ""
    """the course on GitHub, such as https://github.com/OWNER/NAME"""
    branch: str = "main"
    """the branch that Binder and nbgitpuller take"""
    colab_branch: str = ""
    """the branch that holds what `make colab` writes"""
    hub: str = ""
    """a JupyterHub whose servers are the course's own (deploy/hub): each student has my_lessons/"""
    nbgitpuller: str = ""
    """any other JupyterHub, whose servers have nbgitpuller and the course's packages"""

    def __post_init__(self) -> None:
        for name in ("repository", "hub", "nbgitpuller"):
            value = getattr(self, name)
            if value and not FORM.fullmatch(value):
                raise CourseError(f"[tool.convlab] {name} = {value!r} is no address: https://HOST/PATH")
        if self.repository and not GITHUB.fullmatch(self.repository):
            raise CourseError(
                f"[tool.convlab] repository = {self.repository!r}: https://github.com/OWNER/NAME"
            )
        if (self.colab_branch or self.nbgitpuller) and not self.repository:
            raise CourseError("[tool.convlab] colab_branch and nbgitpuller need repository")


def addresses(root: Path = ROOT) -> Addresses:
    """Return the addresses of the course in `root`; `CourseError` for one that cannot be right."""
    try:
        table = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8")).get("tool", {})
    except (OSError, ValueError):
        table = {}
    try:
        return Addresses(**table.get("convlab", {}))
    except TypeError as error:
        raise CourseError(f"[tool.convlab] in pyproject.toml: {error}") from error


def links(lesson: Lesson, public: Addresses) -> dict[str, str]:
    """Return {name: address} of the places where a lesson can be opened.

    >>> links(Lesson(Path("05_x.ipynb")), Addresses(hub="https://hub.example.org"))
    {'Hub': 'https://hub.example.org/hub/user-redirect/lab/tree/my_lessons/05_x.ipynb'}
    """
    found, file = {}, quote(lesson.path.name)
    github = GITHUB.fullmatch(public.repository)
    if github and public.colab_branch:
        place = f"{github[1]}/blob/{quote(public.colab_branch)}/{file}"
        found["Colab"] = f"https://colab.research.google.com/github/{place}"
    if github:
        query = urlencode({"urlpath": f"lab/tree/my_lessons/{file}"})
        found["Binder"] = f"https://mybinder.org/v2/gh/{github[1]}/{quote(public.branch, safe='')}?{query}"
    if public.hub:
        found["Hub"] = f"{public.hub.rstrip('/')}/hub/user-redirect/lab/tree/my_lessons/{file}"
    if github and public.nbgitpuller:
        name = github[1].partition("/")[2]
        query = urlencode(
            {
                "repo": f"https://github.com/{github[1]}",
                "branch": public.branch,
                "urlpath": f"lab/tree/{name}/notebooks/{file}",
            }
        )
        found["Hub (a copy by nbgitpuller)"] = (
            f"{public.nbgitpuller.rstrip('/')}/hub/user-redirect/git-pull?{query}"
        )
    return found
