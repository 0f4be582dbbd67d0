"""Text to specs and problems: manifests read, checked and built."""
