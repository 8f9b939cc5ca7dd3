"""A site of plain files: everything stored, for any host, any folder, and nobody who computes.

`site.publish` writes it. Addresses are relative; a file whose name holds what it contains may be
kept for ever. The canvases and the words are those of the app.
"""
