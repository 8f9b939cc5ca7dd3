"""Everything stored as a folder of plain files, in one language or several."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deformviz import __version__, bundles
from deformviz.publish import cards, learning, own, recordings, stored, studies
from deformviz.publish.edition import START, Edition, Page
from deformviz.publish.folder import PublishError, SiteFolder
from deformviz.tracing.store import SHIPPED, StoredTrace, read_index
from deformviz.words import ENGLISH, languages, speaking

ELEMENT = "deform-viz.js"  # for pages of others, so its name stays what it is
MENU = (
    "learn",
    "explore",
    "live",
    "dat",
    "compare_attention",
    "walkthrough",
    "training",
    "recordings",
    "survey",
    "myths",
    "notes",
)


def publish(
    to: str | Path,
    *,
    spoken: Sequence[str] = (ENGLISH,),
    own_recordings: str | Path | None = None,
    own_pictures: str | Path | None = None,
    own_studies: str | Path | None = None,
    equations: bool = True,
    training: bool = True,
    live: Sequence[str] | None = None,
    webgpu: bool = False,
    address: str = "",
    on_page: Callable[[str], None] | None = None,
) -> Path:
    """Write the site; an earlier one at the same place is replaced when the new one is whole.

    Args:
        spoken: languages; the first lies at the site's root, each other in a folder of its name.
        own_recordings: a folder of recordings that get a page.
        own_pictures: a folder of pictures that the shipped detector looks at, for Explore.
        own_studies: a study, or a folder of studies, for Survey.
        equations: also follow the derivations, which runs the models some dozen times.
        training: also replay the shipped trainings, which runs a model at every snapshot and
            makes most of the site.
        live: models that also run in the visitor's browser; none named: the shipped ones.
        webgpu: let them run on its graphics processor too, where it offers that.
        address: where the site will be, for what cannot be relative: its map, and the picture that
            others show beside a link to it.

    Raises:
        PublishError: an unknown language, nothing in a folder that was named, a picture that
            cannot be read, or a folder in the way.
    """
    unknown = [language for language in spoken if language not in languages()]
    if unknown or not spoken:
        raise PublishError(
            f"There are no words in {', '.join(unknown) or 'no language'}; "
            f"there are some in {', '.join(languages())}."
        )
    if address and not address.startswith(("https://", "http://")):
        raise PublishError(f"{address} is no whole address; it begins with https://.")
    found = own.find(own_recordings, own_pictures, own_studies)
    with TemporaryDirectory() as seen:
        looked = own.look(found.pictures, Path(seen))
        running = _running(live, webgpu) if live is not None else None
        folder = SiteFolder(to)
        return _write(folder, spoken, found, looked, equations, training, running, address, on_page)


def _write(
    folder: SiteFolder,
    spoken: Sequence[str],
    found: own.Own,
    looked: list[StoredTrace],
    equations: bool,
    training: bool,
    running: Any,
    address: str,
    on_page: Callable[[str], None] | None,
) -> Path:
    """Every page in every language, and what lies beside them."""
    worked = _worked() if equations else []
    frames = _frames() if training else {}
    preview = folder.keep("preview.jpg", _preview())
    written: list[str] = []
    for language in dict.fromkeys(spoken):
        with speaking(language):
            edition = Edition(
                folder,
                language,
                tuple(dict.fromkeys(spoken)),
                _menu(
                    recordings=bool(found.recordings),
                    training=training,
                    walkthrough=equations,
                    live=running is not None,
                ),
                address and address.rstrip("/") + "/",
                preview,
                written,
            )
            for page in _pages(edition, found, looked, worked, frames, running):
                edition.write(page)
                if on_page:
                    on_page(written[-1])
            learning.write_sheet(edition)
    folder.write(ELEMENT, bundles.read(ELEMENT))
    if address:
        folder.write("sitemap.xml", map_of(edition.address, written))
    return folder.finish({"deformviz": __version__, "pages": written})


def _worked() -> list[Any]:
    from deformviz.publish.equations import choices

    return choices()


def _frames() -> dict[str, Any]:
    from deformviz.publish.replays import replays

    return replays()


def _running(models: Sequence[str], webgpu: bool) -> Any:
    from deformviz.publish.live import prepare

    return prepare(models, webgpu=webgpu)


def _menu(**optional: bool) -> tuple[str, ...]:
    """The pages of every header: the usual ones, and those that were asked for."""
    return tuple(name for name in MENU if optional.get(name, True))


def _pages(
    edition: Edition,
    found: own.Own,
    looked: list[StoredTrace],
    worked: list[Any],
    frames: dict[str, Any],
    running: Any,
) -> Iterable[Page]:
    yield from learning.pages(edition)
    yield from stored.pages(edition, looked)
    if running:
        from deformviz.publish.live import pages as live_pages

        yield from live_pages(edition, running)
    if worked:
        from deformviz.publish.equations import pages as derivations

        yield from derivations(edition, worked)
    if frames:
        from deformviz.publish.replays import pages as trainings

        yield from trainings(edition, frames)
    if found.recordings:
        yield from recordings.pages(edition, found.recordings)
    yield from studies.pages(edition, found.studies)
    yield from cards.pages(edition)


def _preview() -> bytes:
    """What others show beside a link: the picture that Explore begins with."""
    pictures = {one.name: one for one in read_index(SHIPPED)}
    return pictures[stored.FAVOURITE].picture_jpeg()


def map_of(address: str, pages: list[str]) -> str:
    """A map of the site for search engines, which ask for whole addresses."""
    places = [re.sub(rf"(^|/){START}\.html$", r"\1", page) for page in pages]
    rows = "".join(f"<url><loc>{escape(address + place)}</loc></url>\n" for place in places)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{rows}</urlset>\n'
    )
