"""Files that ``init`` and ``add-job`` write, as they are written."""
