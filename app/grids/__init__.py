"""A deformed grid over a picture, in the browser; its Python face."""
