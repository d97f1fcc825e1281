"""What people run beside the roles: simulate, replay, demo, doctor."""
