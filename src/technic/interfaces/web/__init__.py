"""The files of the pages: HTML, CSS and modules, written by hand, served as they are."""
