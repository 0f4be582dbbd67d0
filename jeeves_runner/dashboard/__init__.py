"""Pages for people: the documents of the API as HTML, made on the server, and kept up to date by a
small script."""
