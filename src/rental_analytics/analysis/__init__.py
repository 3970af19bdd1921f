"""The warehouse for analysts: questions, metrics and their definitions, as Arrow, pandas or polars."""
