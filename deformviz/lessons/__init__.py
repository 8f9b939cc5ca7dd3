"""Ten lessons, from one point to DINO: what is said, what is shown, what the learner predicts."""
