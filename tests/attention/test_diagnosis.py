"""What the doctor says about this machine."""

from deformviz.attention import diagnosis
from deformviz.attention.backends import report


def test_every_back_end_that_runs_is_compared_with_the_reference():
    figures = diagnosis.parity_figures()
    assert [f.backend for f in figures] == [b.name for b in report() if b.runs]
    assert all(0 < f.output < 1e-5 and 0 < f.gradients < 1e-4 for f in figures)


def test_a_wrong_back_end_would_show(monkeypatch):
    def wrong(value, shapes, locations, weights, backend):
        return diagnosis.ms_deform_attn_reference(value, shapes, locations.flip(-1), weights)

    monkeypatch.setattr(diagnosis, "ms_deform_attn", wrong)
    assert all(figure.output > 0.1 for figure in diagnosis.parity_figures())


def test_the_rows_name_versions_tools_and_back_ends():
    rows = dict(diagnosis.diagnosis())
    assert {
        "deformviz",
        "python",
        "torch",
        "GPU",
        "g++",
        "cache",
        "back end cpu",
        "back end cuda",
        "parity reference",
    } <= set(rows)


def test_cuda_kernels_count_as_never_run_until_figures_lie_beside_them(monkeypatch, tmp_path):
    monkeypatch.setattr(diagnosis, "kernels_folder", lambda: tmp_path)
    assert diagnosis.cuda_kernels() == "compiled and emulated, never run on a GPU"
    figures = tmp_path / "gpu-figures" / "bench.json"
    figures.parent.mkdir()
    figures.write_text('{"gpu": "A Card"')  # cut off
    assert "never run" in diagnosis.cuda_kernels()
    figures.write_text('{"gpu": "A Card"}')
    assert diagnosis.cuda_kernels() == "run on A Card (gpu-figures/bench.json)"
