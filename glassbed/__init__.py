"""Glassbed: a self-hosted cloud for 3D printers whose privacy policy runs."""

__version__ = "0.1.0"
