"""Sphinx: builds the manual with `make docs`. Nothing in it is loaded from another host."""

# ruff: noqa: INP001 -- read by Sphinx alone, no package

project = "Glassbed"
project_copyright = "the Glassbed authors, AGPL-3.0-or-later"
version = release = "0.1.0"
language = "en"

extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "Glassbed"
html_copy_source = False
html_show_sphinx = False
