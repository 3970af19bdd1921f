"""What is written by `make generate`: tables of the documentation, statements that Redshift gets."""
