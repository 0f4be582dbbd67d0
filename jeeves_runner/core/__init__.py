"""Pure rules: values in, values out, time as a parameter, no I/O."""
