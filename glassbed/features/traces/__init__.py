"""Temperatures and progress of a print over time, as one-minute blobs."""
