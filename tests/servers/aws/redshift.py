def install() -> None:
    """Nothing yet."""
