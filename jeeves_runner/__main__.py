"""``python -m jeeves_runner``."""

from jeeves_runner.cli.main import main

if __name__ == "__main__":
    main()
