"""The script of the five Glue jobs; `--step` says which one this is."""

import sys

from rental_analytics.runners.glue import main

if code := main(sys.argv[1:]):
    sys.exit(code)
