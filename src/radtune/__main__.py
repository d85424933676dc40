"""``python -m radtune`` is the ``radtune`` command."""

from radtune.cli import main

if __name__ == "__main__":
    main()
