"""What people use, one folder a feature, in this order: accounts, printers, library, jobs, traces."""
