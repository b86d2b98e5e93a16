"""What every feature stands on: the database's purposes, bindings, the bus, blobs, keys, ledger, mail."""
