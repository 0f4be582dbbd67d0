"""A folder of manifests, as people edit it."""
