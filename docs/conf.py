"""Sphinx builds the documentation with this: `make docs`."""

import sys
from pathlib import Path

import exprad

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project, author = "exprad", "the authors of exprad"
release = version = exprad.__version__
html_title = f"exprad {release}"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "docstrings", "mathml", "public"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_extensions"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3  # so that a page can link to a heading of another

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # what a parameter may be is said in words; the types are in the sources
add_module_names = False
smartquotes = False  # "mean" is what one types
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["exprad.css"]
html_show_copyright = False
html_copy_source = False
