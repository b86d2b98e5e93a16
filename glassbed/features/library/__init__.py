"""The files that a person keeps, and what their slicer wrote into them."""
