"""A hook of MkDocs: what pages link to outside of docs/ becomes part of the site.

On a code host `../README.md` is right as it stands; the site has it at `outside/README.md`.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
FOLDER = "outside"
# The project's own pages at the root of the repository.
PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
_LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the root's pages, and the files and folders that pages of docs/ link to by `../`."""
    texts = [page.content_string for page in files.documentation_pages()]
    linked = {link[3:] for text in texts for link in _LINK.findall(text) if link.startswith("../")}
    for path in sorted(linked.union(PAGES)):
        for file in _files(ROOT / path):
            uri = f"{FOLDER}/{file.relative_to(ROOT).as_posix()}"
            files.append(File.generated(config, uri, abs_src_path=str(file)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to where the site has their files."""
    uri = page.file.src_uri
    inside = uri.removeprefix(f"{FOLDER}/")
    here = posixpath.dirname(inside if uri != inside else f"docs/{uri}")
    folder = posixpath.dirname(uri)

    def pointed(link: re.Match[str]) -> str:
        there = _in_site(posixpath.normpath(posixpath.join(here, link[1])))
        return f"]({posixpath.relpath(there, folder or '.')}"

    return _LINK.sub(pointed, markdown)


def _in_site(path: str) -> str:
    """Return where the site has a file of the repository; a folder is shown by its README."""
    if (ROOT / path).is_dir():
        path = f"{path}/README.md"
    return path.removeprefix("docs/") if path.startswith("docs/") else f"{FOLDER}/{path}"


def _files(path: Path) -> list[Path]:
    return sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
