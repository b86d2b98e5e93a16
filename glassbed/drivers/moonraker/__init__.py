"""Moonraker: the host in front of Klipper and its relatives (Kalico, and what vendors build on them)."""
