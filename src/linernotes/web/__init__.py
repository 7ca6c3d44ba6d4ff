"""The web portal: a workspace in the browser, read-only, every page with a JSON twin."""
