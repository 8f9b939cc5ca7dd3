"""Six entries above every page, and the pages of the present one: on a desk and on a phone."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl

import streamlit as st

from app.rooms import ENTRIES, Entry, Page, entry_of, page_called
from deformviz.words import say

HERE = Path(__file__).parent
STYLE = """<style>
.stAppHeader { background: none; pointer-events: none; }
.stAppHeader :is(button, a) { pointer-events: auto; }
.st-key-entries, .st-key-entry_pages { flex-wrap: wrap; gap: 0 0.4rem; }
.st-key-entries { border-bottom: 1px solid var(--st-border-color, #8885); }
.st-key-entries a { border-radius: 0.5rem 0.5rem 0 0; }
.st-key-entries > :nth-child(%d) a { box-shadow: inset 0 -3px #3a86e0;
  font-weight: 600; }
.st-key-row_of_pictures { display: none; }
@media (max-width: 767px) {
  .st-key-row_of_pictures { display: flex; }
  [data-testid="stExpandSidebarButton"]::after { content: "%s"; margin-left: 0.4rem; }
  .stMainBlockContainer { padding-top: 3.25rem; }
  .st-key-entries { gap: 0; justify-content: space-between; }
  .st-key-entries a { padding: 0.45rem 0.25rem; }
  .st-key-entries a > span:first-child { display: none; }
  .st-key-entry_pages { gap: 0.2rem; }
  .st-key-entry_pages a { padding: 0.2rem 0.4rem; }
}
</style>"""


def navigation(here: Page) -> None:
    """Draw both lines; the second one where an entry has more than one page."""
    entry = entry_of(here)
    st.html(STYLE % (ENTRIES.index(entry) + 1, say("entry.sidebar")))
    with st.container(key="entries", horizontal=True):
        for one in ENTRIES:
            st.page_link(
                HERE / page_called(one.pages[0]).file,
                label=one.title,
                icon=one.icon,
                help=say(f"entry.{one.name}.what"),
                width="content",
            )
    if len(entry.pages) + len(entry.besides) > 1:
        with st.container(key="entry_pages", horizontal=True):
            pages_of(entry)


def pages_of(entry: Entry) -> None:
    """The second line."""
    for page in map(page_called, entry.pages):
        st.page_link(HERE / page.file, label=page.title, width="content")
    for word, name, query in entry.besides:
        st.page_link(
            HERE / page_called(name).file,
            label=say(word),
            query_params=dict(parse_qsl(query)),
            width="content",
        )
