"""An interactive session: `chariot run -n 4 --interactive`, or `python -m chariot.interactive` on one PE.

Words behind it are a program and its arguments, which runs on every PE before the prompt comes up on PE 0.
"""

from ._console import main

if __name__ == "__main__":
    main()
