"""Bridges, printers, who may use them, and the commands given to them."""
