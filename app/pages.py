"""Which pages there are; each is one file in views/, and belongs to a room before it is drawn.

A worker process that starts anew looks at this file too, as at every main script; nothing happens
then.
"""

from pathlib import Path

import streamlit as st

from app import studio, visitor
from app.navigation import navigation
from app.rooms import PAGES, page_called
from deformviz.words import ask_language_of


def main() -> None:
    """The page of the address, in its room, with a note where its link was wrong."""
    st.set_page_config(
        page_title="deformviz",
        page_icon=str(Path(__file__).with_name("icon.svg")),
        layout="wide",
        initial_sidebar_state="auto",
    )
    ask_language_of(visitor.language)
    visitor.read_language()
    chosen = st.navigation(
        [
            st.Page(page.file, title=page.title, icon=page.icon, default=page is PAGES[0])
            for page in PAGES
        ],
        position="hidden",
    )
    if chosen.url_path == "" and visitor.asked():  # a link to a view from when Explore was first
        st.switch_page("views/explore.py", query_params=st.query_params.to_dict())
    if visitor.asked():
        visitor.follow_link()
    page = page_called(chosen.url_path)
    visitor.enter(page.room_now())
    studio.read_link(page.name)
    navigation(page)
    notes = st.container()
    chosen.run()
    for note in visitor.me().notes:
        notes.info(note, icon=":material/link_off:")


if __name__ == "__main__":
    main()
