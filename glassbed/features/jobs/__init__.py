"""Prints: the queue of a printer, what is printing, and the history."""
