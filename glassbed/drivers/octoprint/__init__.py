"""Printers behind OctoPrint (1.8 or later), by its REST API and its push socket."""
