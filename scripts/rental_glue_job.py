"""The script of the five Glue jobs; `--step` says which one this is."""

import sys

from rental_analytics.runners.glue import main

# A job that fails raises: of an exit code Glue would tell the number, and of standard error nothing.
main(sys.argv[1:])
