"""`dv.survey` and what can be taken along: tables, archives, a page that stands alone."""

import io
import re
import zipfile

import numpy as np
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import deformviz as dv
from deformviz.figures.survey_report import survey_report
from deformviz.survey.atlas import groups, head_maps
from deformviz.survey.exports import export, zipped
from deformviz.survey.files import TABLES_FOLDER
from deformviz.survey.rows import TABLES
from deformviz.survey.study import Study
from tests.survey.planted_study import PICTURES, planted_study, trace_with_a_star


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return planted_study(tmp_path_factory.mktemp("studies"))


def test_many_pictures_in_one_call(study, tmp_path):
    pictures = study.folder.path.parent / "pictures"
    made = dv.survey(trace_with_a_star, pictures, out=tmp_path / "s", limit=5)
    assert isinstance(made, Study) and made.complete
    frame = made.layers().to_pandas()
    assert sorted(frame.picture.unique()) == list(range(5))
    assert len(made.detections()) == 5 * 2
    assert [v.text for v in made.verdicts() if v.kind == "star"] == [
        "encoder.0 head 1 never left its star: its points stray 0.00 cells over 5 pictures."
    ]
    with pytest.raises(dv.SurveyError, match="holds a study with"):
        dv.survey(trace_with_a_star, pictures, out=tmp_path / "s", limit=4)


def test_tables_in_one_file_are_those_of_the_parts_and_heads_join_their_levels(study):
    folder = study.folder.path
    for name in TABLES:
        whole = pq.read_table(folder / TABLES_FOLDER / f"{name}.parquet")
        parts = [pq.read_table(study.folder.part(n) / f"{name}.parquet") for n in study.parts]
        rows = [row for part in parts for row in part.to_pylist()]
        assert str(whole.to_pylist()) == str(rows)  # as text: NaN is not itself
    heads = pq.read_table(folder / TABLES_FOLDER / "heads.parquet")
    assert len(heads) * 3 == len(study.layers())  # three levels
    for measure, joined in (("outside_share", np.sum), ("spread", np.max), ("entropy", np.max)):
        by_hand = joined(np.asarray(study.layers()[measure]).reshape(-1, 3), axis=1)
        assert np.allclose(heads[measure], by_hand, rtol=1e-6, equal_nan=True)


def test_exports_read_back_as_they_were(study, tmp_path):
    written = export(study, tmp_path)
    assert {path.name for path in written} == {
        *(f"{name}.{kind}" for name in TABLES for kind in ("csv", "parquet")),
        "sums.npz",
    }
    for name in TABLES:
        table = study.table(name)
        read = pq.read_table(tmp_path / f"{name}.parquet")
        assert str(read.to_pylist()) == str(table.to_pylist())
    with zipfile.ZipFile(io.BytesIO(zipped(study))) as archive:
        assert {name: archive.read(name) for name in archive.namelist() if "csv" in name} == {
            path.name: path.read_bytes() for path in written if path.suffix == ".csv"
        }
        assert set(archive.namelist()) == {path.name for path in written}
    read = pyarrow.csv.read_csv(tmp_path / "layers.csv")
    assert np.allclose(read["spread"], study.layers()["spread"], rtol=1e-6)
    assert read["layer"].to_pylist() == study.layers()["layer"].to_pylist()
    with np.load(tmp_path / "sums.npz", allow_pickle=False) as arrays:
        sums = study.sums["encoder.0"]
        assert np.array_equal(arrays["encoder.0|all|counts"], sums.counts["all"])
        assert np.array_equal(arrays["encoder.0|spread"], sums.spread)


def test_the_report_stands_alone_and_says_what_was_found(study):
    page = survey_report(study, title="A <study> {{script}}")
    assert "encoder.0 head 1 never left its star" in page
    assert "A &lt;study&gt; &#123;&#123;script}}" in page and "{{" not in page.split("<script")[0]
    assert not re.search(r"""(?:src|href)=["']?https?:""", page)
    shown = study.per_picture("outside_share")["decoder.0"][:, 2].sum(-1).mean()
    assert f"<td>{shown:.3f}</td>" in page
    assert f"{PICTURES} pictures" in page


def test_maps_of_heads_are_shares_and_groups_come_in_a_persons_order(study):
    assert groups(study)[0] == "all" and groups(study)[-1].startswith("class")
    for sums in study.sums.values():
        assert head_maps(sums).sum(axis=(1, 2, 3)) == pytest.approx(np.ones(sums.heads))


def test_the_command_writes_report_and_tables_and_says_why_it_keeps_no_extremes(
    study, tmp_path, capsys
):
    from deformviz.cli import main

    pictures = study.folder.path.parent / "pictures"
    asked = ["survey", "--model", "tests.survey.planted_study:entry_point", "--limit", "4"]
    asked += ["--images", str(pictures), "--out", str(tmp_path / "s")]
    files = ["--report", str(tmp_path / "r.html"), "--tables", str(tmp_path / "t")]
    assert main([*asked, *files]) == 0
    assert "encoder.0 head 1 never left its star" in (tmp_path / "r.html").read_text()
    assert len(list((tmp_path / "t").iterdir())) == 7
    assert main([*asked, "--extremes"]) != 0
    assert "this study was made by a function" in capsys.readouterr().err
    assert main([*asked, "--gpus", "1"]) != 0
    assert "--gpus goes with --cluster" in capsys.readouterr().err
