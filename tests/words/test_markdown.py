"""What strangers wrote is shown letter for letter, whatever Markdown or a page would make of it."""

import re

import pytest

from deformviz.words.markdown import APART, code, plain, quoting, visible

# What Streamlit's page looks for in text whose Markdown was read, so that escapes are gone.
ADDRESS = re.compile(r"(https?://|www(?=\.))([-.\w]+)([^ \t\r\n]*)", re.IGNORECASE)
MAIL = re.compile(r"(?:^|\s|[^\w\s])?([-.\w+]+)@([-\w]+(?:\.[-\w]+)+)")
EMOJI = re.compile(r":\+1:|:-1:|:[\w+-]+:|:material[_/]\w+:")
ARROW = re.compile(r"(^|\s)(<->|->|<-|--|>=|<=|~=)(\s|$)")
LOOKED_FOR = (ADDRESS, MAIL, EMOJI, ARROW)


def read(markdown):
    """Text as a reader of Markdown hands it on: its escapes are gone."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown)


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example/x",
        "HTTP://EVIL.EXAMPLE",
        "www.evil.example",
        "see:www.evil.example",
        "anna@evil.example",
        "a :cat: of :+1:",
        ":material/home:",
        "a -> b",
        "a -- b",
        "a <-> b",
        "a >= b",
    ],
)
def test_nothing_is_found_in_what_is_left_of_it(text):
    assert any(pattern.search(text) for pattern in LOOKED_FOR)
    left = read(plain(text))
    assert not any(pattern.search(left) for pattern in LOOKED_FOR)
    assert left.replace(APART, "") == text


@pytest.mark.parametrize(
    "text",
    [
        "[x](y) ![x](y) <b>",
        "# a\\",
        "$x^2$ `y` **z** ~~w~~ a|b",
        ":red[stop]",
        "1. one",
        "café 漢字 n-1",
    ],
)
def test_every_letter_is_there_and_every_sign_escaped(text):
    assert read(plain(text)).replace(APART, "") == text
    unescaped = re.sub(r"\\.", "", plain(text))
    assert not set(unescaped) & set("[]()<>`*$|~#!:\\")


def test_what_nobody_sees_is_shown_by_name():
    turned = "abc\u202egpj.exe\u2066\n\u2028"
    assert visible(turned) == "abc⟨U+202E⟩gpj.exe⟨U+2066⟩⟨U+000A⟩⟨U+2028⟩"
    assert read(plain(turned)) == visible(turned) and APART not in visible(f"a{APART}b")


def test_a_sentence_keeps_its_code_and_nothing_of_a_stranger():
    said = "`a[b](c)` is no key of [x](http://y.zz); run `deformviz get\u202e`."
    assert quoting(said) == (
        "`a[b](c)` is no key of \\[x\\]\\(http" + APART + "\\://y\\.zz\\); "
        "run `deformviz get⟨U+202E⟩`\\."
    )
    assert quoting("one ` alone ![x](y)") == "one \\` alone \\!\\[x\\]\\(y\\)"
    assert "\n" not in quoting("a\n# b")


@pytest.mark.parametrize("text", ["plain", "a ` b", "``", "` ![x](y) `", "", " "])
def test_code_cannot_be_left_from_inside(text):
    written = code(text)
    fence = re.match("`+", written)[0]
    assert written.endswith(fence) and len(written) > 2 * len(fence)
    inside = written[len(fence) : -len(fence)]
    assert max(map(len, re.findall("`+", inside)), default=0) < len(fence)
    assert inside.strip() == text.strip()
