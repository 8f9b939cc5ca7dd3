"""The shipped model of each kind that the commands know."""

SHIPPED = {"detector": "deformable-detr-scenes", "dat": "dat-scenes"}
