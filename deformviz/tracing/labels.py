"""What a picture and its exports say about the model behind them, honestly."""

from typing import Any


def model_label(model: Any) -> str:
    """The name of a model: that of the file it was loaded from, else of its class."""
    report = getattr(model, "load_report", None)
    if report:
        return report.file.rsplit(".", 1)[0]
    loaded_from = str(getattr(getattr(model, "config", None), "_name_or_path", "") or "")
    return loaded_from.rstrip("/").rpartition("/")[2] or type(model).__name__


def honesty_label(model: Any) -> str:
    """What its weights are worth, as far as the file says: "trained on rendered scenes, .."."""
    report = getattr(model, "load_report", None)
    if report is None:
        ours = type(model).__module__.partition(".")[0] == "deformviz"
        return "random weights" if ours else "training unknown"
    facts = report.metadata
    if "trained_on" not in facts:
        return "training unknown"
    length = f", {facts['iterations']} iterations" if "iterations" in facts else ""
    return f"trained on {facts['trained_on']}{length}"
