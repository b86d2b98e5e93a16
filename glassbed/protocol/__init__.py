"""What bridge, live, recorder and browser say to each other. No Django, no database, no sockets."""
