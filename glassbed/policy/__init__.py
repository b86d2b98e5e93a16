"""The policy pack: read, checked, and compiled into what PostgreSQL enforces. No Django."""
