"""`python -m convlab.datasets` (`make data`): get every data set of the course."""

import sys

from convlab.datasets import main

sys.exit(main())
