"""A supplement of a paper: own pictures and an own study on the site, as Chromium shows them."""

import shutil
from functools import partial

import numpy as np
import pytest
from PIL import Image

from deformviz.publish.folder import PublishError
from deformviz.publish.site import publish
from deformviz.survey.shipped import SHIPPED_STUDIES
from tests.publish.walking import served, settle

pytestmark = [pytest.mark.browser, pytest.mark.slow]
publish_quickly = partial(publish, equations=False, training=False)


def save_picture(path, height=60, width=84):
    pixels = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path.parent


@pytest.fixture(scope="module")
def supplement(tmp_path_factory):
    """Address of a site with two own pictures and a study."""
    folder = tmp_path_factory.mktemp("paper")
    pictures = save_picture(folder / "pictures" / "Figure 5 & 6.png")
    save_picture(folder / "pictures" / "garden.png")  # as one of the site's own is called
    shutil.copytree(SHIPPED_STUDIES / "before-training", folder / "studies" / "ablation")
    made = publish_quickly(folder / "site", own_pictures=pictures, own_studies=folder / "studies")
    with served(made) as address:
        yield address


def test_own_pictures_come_first_and_are_looked_at_by_the_shipped_detector(supplement, page):
    page.goto(f"{supplement}/explore.html")
    settle(page, "explore.html")
    first = page.locator("a[data-picture]").first
    assert first.get_attribute("title") == "Figure 5 & 6"
    assert first.get_attribute("aria-current") == "true"
    assert "trained on rendered scenes" in page.inner_text(".dv-honesty")
    page.locator("a[data-picture=own-garden]").click()
    page.wait_for_function("new URL(location).searchParams.get('picture') === 'own-garden'")
    settle(page, "explore.html")
    assert page.locator("a[data-picture=garden]").is_visible()
    assert page.console_errors == []
    page.goto("about:blank")


def test_an_own_study_is_drawn_and_its_findings_are_told(supplement, page):
    page.goto(f"{supplement}/survey.html")
    settle(page, "survey.html")
    assert page.locator("a[aria-current] >> nth=-1").inner_text() == "ablation"
    found = page.locator("main > details").first
    found.locator("summary").click()
    assert found.inner_text().startswith("ablation") and found.locator("p").is_visible()
    assert page.console_errors == []
    page.goto("about:blank")


def test_a_picture_that_cannot_be_read_is_named_with_the_reason(tmp_path):
    pictures = save_picture(tmp_path / "pictures" / "fine.png")
    (pictures / "broken.png").write_bytes((pictures / "fine.png").read_bytes()[:300])
    with pytest.raises(PublishError, match="broken.png cannot be published: .*damaged"):
        publish_quickly(tmp_path / "site", own_pictures=pictures)
    huge = tmp_path / "huge" / "huge.png"
    huge.parent.mkdir()
    Image.new("L", (8000, 5001)).save(huge)
    with pytest.raises(PublishError, match="8000×5001 pixels.* more than the 40 megapixels"):
        publish_quickly(tmp_path / "site", own_pictures=huge.parent)
    assert not (tmp_path / "site").exists() and not (tmp_path / "site.part").exists()
