"""Many pictures: what a model does to all of them, as tables, histograms and verdicts."""
