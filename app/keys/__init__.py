"""Five kinds of attention over one picture, in the browser; its Python face."""
