"""One module for each page: what it shows, read of the database, and the handler that answers with it."""
