"""The bridge: stands on the printers' own network, speaks to them, and dials out to one Glassbed server."""
