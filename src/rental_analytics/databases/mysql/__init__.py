"""MySQL, MariaDB and Aurora MySQL as a source."""
