"""The canvas that answers the pointer without the server."""
