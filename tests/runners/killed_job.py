"""A job that ends with SIGKILL where a failpoint is reached."""

import os
import signal
import sys

from rental_analytics.failpoints import arm
from rental_analytics.runners.glue import main

if __name__ == "__main__":
    wanted = sys.argv[1]
    arm(lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == wanted else None)
    sys.exit(main(sys.argv[2:]))
