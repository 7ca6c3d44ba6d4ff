"""One documented function per command: what the command line and the web portal call."""
