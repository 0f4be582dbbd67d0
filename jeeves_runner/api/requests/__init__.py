"""The values of paths, queries and bodies, each as its handler gets it: one module for each subject."""
