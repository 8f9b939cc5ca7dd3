"""Pictures that answer the pointer without the server: their scripts, and their Python face."""
