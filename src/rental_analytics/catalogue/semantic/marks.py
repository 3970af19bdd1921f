"""What the files of semantic layers begin with, and no other file."""

WRITTEN = "Written by `rental docs`."
YAML_MARK = f"# {WRITTEN}"
SQL_MARK = f"-- {WRITTEN}"
