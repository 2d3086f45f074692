"""When two texts count as one."""


def bare(text: str) -> str:
    """The text without white space and in lower case: equal for texts that say the same."""
    return "".join(text.split()).lower()
