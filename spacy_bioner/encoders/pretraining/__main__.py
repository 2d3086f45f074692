"""`python -m spacy_bioner.encoders.pretraining`: also where spaCy is not installed."""

import sys

from spacy_bioner.encoders.pretraining.command import main

sys.exit(main())
