"""The Checkpoint page: what it says of good, wrong and hostile files, and where it leads."""

import io
import os
from pathlib import Path

import pytest
import torch

from app import checkpoint_files, dropped
from deformviz.checkpoints.own import save
from tests.app.visit import me, settled, texts, visit

ROOT = Path(__file__).parents[2]
SECONDS = 90


@pytest.fixture
def page(tiny_server):
    return visit("checkpoint", checkpoint="tiny.safetensors")


def saved_bytes(content):
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def test_it_says_what_a_file_of_the_folder_is(page):
    settled(page)
    assert not page.exception
    said = texts(page)
    assert page.title[0].value == "What is in this checkpoint?"
    assert "A **Deformable DETR**" in said and "key layout *deformviz*" in said
    assert "Where every head looks by default" in said and "decoder.1" in said
    stars = [chart for chart in page.get("plotly_chart")]
    assert len(stars) == 4 + 2 + 1  # stars, likeness, sizes


def test_a_good_file_can_be_dropped_and_used_elsewhere(page, tiny_model_folder):
    settled(page)
    page.file_uploader[0].upload(
        "[mine](https://y.zz).safetensors",
        (tiny_model_folder / "tiny.safetensors").read_bytes(),
        "application/octet-stream",
    ).run()
    settled(page)
    assert not page.exception
    name = me(page).checkpoint
    assert name.startswith("yours-") and "[mine](https://y.zz).safetensors (yours)" in texts(page)
    assert not any("](" in text.value for text in (*page.subheader, *page.markdown))
    labels = [button.label for button in page.button]
    assert labels == [
        "Explore where it looks",
        "Follow its equations",
        "Do its weights mean anything?",
    ]
    assert Path(me(page).own_checkpoints[name].path).exists()


def test_a_file_is_taken_also_where_streamlit_has_no_such_way_to_forget_it(
    page, tiny_model_folder, monkeypatch
):
    monkeypatch.setattr(dropped, "get_script_run_ctx", lambda: None)
    settled(page)
    page.file_uploader[0].upload(
        "mine.safetensors",
        (tiny_model_folder / "tiny.safetensors").read_bytes(),
        "application/octet-stream",
    ).run()
    settled(page)
    assert not page.exception
    assert me(page).checkpoint.startswith("yours-")


def test_a_wrong_file_is_refused_in_one_sentence(page):
    settled(page)
    page.file_uploader[0].upload(
        "notes.pth", b"these are no weights at all", "application/octet-stream"
    ).run()
    settled(page)
    assert not page.exception
    assert len(page.error) == 1 and "notes.pth is not a checkpoint" in texts(page)


def test_a_hostile_file_is_refused_and_not_executed(page, tmp_path):
    class Touch:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'executed'}",)

    settled(page)
    page.file_uploader[0].upload(
        "evil.pth", saved_bytes({"model": Touch()}), "application/octet-stream"
    ).run()
    settled(page)
    assert not page.exception
    assert "nothing of it was executed" in page.error[0].value
    assert not (tmp_path / "executed").exists()


def test_on_a_network_files_that_can_carry_code_are_not_taken(page, monkeypatch):
    monkeypatch.setenv("DEFORMVIZ_LAN", "1")
    settled(page)
    assert "Only safetensors" in texts(page)
    with pytest.raises(ValueError, match="they can carry code"):
        checkpoint_files.take_upload("model.safetensors", saved_bytes({"model": {}}))


def test_two_files_are_compared_layer_by_layer(page, tiny_model_folder, tmp_path, monkeypatch):
    import deformviz as dv

    model = dv.load(tiny_model_folder / "tiny.safetensors")
    save(model, tmp_path / "a.safetensors")
    with torch.no_grad():
        model.transformer.encoder.layers[0].self_attn.value_proj.weight.add_(0.5)
    save(model, tmp_path / "b.safetensors")
    monkeypatch.setenv("DEFORMVIZ_CHECKPOINTS", str(tmp_path))
    page.query_params["checkpoint"] = "a.safetensors"
    page.query_params["with"] = "b.safetensors"
    settled(page)
    assert not page.exception
    said = texts(page)
    assert "Side by side" in said and "0 settings differ" in said
    assert "**encoder.0 self_attn** differs most" in said and "least, by 0.0 %" in said


def test_a_file_is_not_offered_to_be_compared_with_itself(page):
    page.query_params["with"] = "tiny.safetensors"
    settled(page)
    assert not page.exception and "Side by side" not in texts(page)
    other = page.selectbox(key="widget_other_checkpoint")
    assert "tiny.safetensors" not in other.options and other.value == ""
    assert "tiny.safetensors" in page.selectbox(key="widget_checkpoint").options


def test_a_setting_a_model_does_not_have_is_a_dash(page):
    settled(page)
    values = [
        value
        for frame in page.dataframe
        if "setting" in frame.value
        for value in frame.value["value"]
    ]
    assert "–" in values and "None" not in values


def test_the_way_around_the_limit_can_be_read(page):
    settled(page)
    assert "--checkpoints DIR" in " ".join(caption.value for caption in page.caption)


def test_links_out_of_the_folder_are_not_offered(tmp_path, monkeypatch, tiny_model_folder):
    from deformviz.checkpoints.browse import list_checkpoints

    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "link.safetensors").symlink_to(tiny_model_folder / "tiny.safetensors")
    (tmp_path / "inner" / "notes.txt").write_text("no weights")
    assert list_checkpoints(tmp_path / "inner") == ()
    assert [item.name for item in list_checkpoints(tiny_model_folder)] == ["tiny.safetensors"]


def test_kept_files_stay_within_their_budget(tmp_path):
    kept = dropped.KeptFiles(lambda: tmp_path, budget_bytes=250)
    paths = [
        kept.keep(bytes([number]) * 100, f"../{number}.pth", str(number)) for number in range(3)
    ]
    assert [path.name for path in paths] == ["0.pth", "1.pth", "2.pth"]
    assert not paths[0].exists() and paths[1].exists() and paths[2].exists()
