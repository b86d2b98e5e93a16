"""What people chose and what the policy says of it: notice, choices, record, versions."""
