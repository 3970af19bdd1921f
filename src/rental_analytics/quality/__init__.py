"""Every rule, check, limit and result: their SQL and their judgement, once. Nothing here writes."""
