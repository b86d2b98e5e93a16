"""One folder a printer protocol. Data and mapping; the bridge owns polling, time-outs and reconnecting."""
