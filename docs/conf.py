"""Sphinx: MyST pages, furo, API pages read from the sources. Nothing is fetched."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from pages import write_pages  # noqa: E402

project = "penchant"
author = "the authors of penchant"
extensions = ["myst_parser", "autodoc2"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "penchant"
html_static_path = ["static"]
html_css_files = ["tables.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "dollarmath"]
nitpicky = False

# What one builds on: the public face, what goes in, the tables that come out, and every estimate.
# The navigation of each page names all others: twice the pages take four times as long to build.
autodoc2_packages = [
    {"path": "../penchant.py"},
    *(
        {"path": f"../harness/{room}", "module": f"harness.{room}"}
        for room in ("analysis", "items", "pairs", "prompts", "records", "stats")
    ),
]
autodoc2_render_plugin = "myst"
autodoc2_output_dir = "api"
autodoc2_module_all_regexes = [r"penchant"]
autodoc2_hidden_objects = ["dunder", "private", "inherited", "undoc"]
suppress_warnings = ["autodoc2.all_resolve", "autodoc2.dup_item"]

write_pages(HERE)
