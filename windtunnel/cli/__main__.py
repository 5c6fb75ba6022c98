"""`python -m windtunnel.cli` is `windtunnel`."""

from windtunnel.cli.entry import main

if __name__ == "__main__":
    main()
