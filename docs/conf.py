"""How Sphinx makes the book; `make site` lays out the sources first (lib/coursekit/publishing/book.py)."""

project = "Convolutional networks, from a line to ResNets"
language = "en"
extensions = ["myst_nb", "sphinx.ext.mathjax"]
exclude_patterns = ["downloads/**"]  # the lessons as they are, for download; their pages are made from copies

nb_execution_mode = "off"  # pages show what is stored
nb_merge_streams = True
nb_ipywidgets_js = {}  # no widget is stored, and the script would come from a network
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
suppress_warnings = [
    "mystnb.unknown_mime_type"
]  # figures for `make run`; the same stands beside them as text

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_show_copyright = False
html_show_search_summary = False  # site.js shows excerpts, from files too
templates_path = []
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b5394", "color-brand-content": "#0b5394"},
    "dark_css_variables": {"color-brand-primary": "#8cc4ff", "color-brand-content": "#8cc4ff"},
}

mathjax_path = "mathjax.js"  # one file with all of TeX; it carries its letters, so that none is fetched
mathjax3_config = {"options": {"enableMenu": False}}


def setup(app):
    """Say the level of the headings in the sidebar, which Sphinx leaves out."""
    app.connect("html-page-context", _with_levels, priority=900)  # after the theme has made the sidebar


def _with_levels(app, name, template, context, doctree):
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')
