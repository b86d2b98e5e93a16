"""What runs: web, live, recorder, worker and the supervisor that keeps them."""
