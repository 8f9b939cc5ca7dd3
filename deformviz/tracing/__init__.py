"""Running a model on a picture and keeping what every layer did."""
