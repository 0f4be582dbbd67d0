"""The database: all SQL of the project stands below this package, one module per noun."""
