"""What strangers named is shown letter for letter while a page waits, and where it fails."""

from streamlit.testing.v1 import AppTest

from tests.app.visit import read

TRICK = "[a](https://b.cd) ![p](https://b.cd/p.png) :cat: \u202e"


def waits_and_fails():
    """What a page shows of a job, and of another one that failed."""
    from app.line import Progress
    from app.waiting import bar, failed

    trick = "[a](https://b.cd) ![p](https://b.cd/p.png) :cat: \u202e"
    bar(Progress("running", stage=trick, count=2), trick)
    failed(f"{trick} has no `key[0](x)`; run `deformviz get {trick}`.", "a key")


def test_names_of_files_and_layers_are_no_markdown():
    page = AppTest.from_function(waits_and_fails).run()
    assert not page.exception
    seen = TRICK.replace("\u202e", "⟨U+202E⟩")
    progress = page.get("progress")[0].proto.text
    assert read(progress) == f"{seen}: {seen}, 1 of 2" and "](" not in progress
    (error,) = page.error
    outside = "".join(error.value.split("`")[::2])
    assert "](" not in outside and "https" not in outside
    assert "`key[0](x)`" in error.value and f"`deformviz get {seen}`" in error.value
