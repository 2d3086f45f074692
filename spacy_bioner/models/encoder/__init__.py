"""A transformer encoder for spaCy that pads little, in the precision that the processor has."""
