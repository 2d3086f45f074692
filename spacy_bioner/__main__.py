"""`python -m spacy_bioner`"""

from spacy_bioner.cli import app

app(prog_name="python -m spacy_bioner")
