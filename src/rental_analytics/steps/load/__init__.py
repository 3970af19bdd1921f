"""Steps `load-raw` and `load-curated`: files of the lake into the warehouse."""
