"""What a picture and its exports say about the model behind them, honestly."""

from typing import Any


def model_label(model: Any) -> str:
    """The name of a model: that of the file it was loaded from, else of its class."""
    report = getattr(model, "load_report", None)
    return report.file.rsplit(".", 1)[0] if report else type(model).__name__


def honesty_label(model: Any) -> str:
    """What its weights are worth, as far as the file says: "trained on rendered scenes, .."."""
    report = getattr(model, "load_report", None)
    if report is None:
        return "random weights"
    facts = report.metadata
    if "trained_on" not in facts:
        return "training unknown"
    length = f", {facts['iterations']} iterations" if "iterations" in facts else ""
    return f"trained on {facts['trained_on']}{length}"
