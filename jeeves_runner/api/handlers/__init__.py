"""What answers each route: one module for each subject."""
