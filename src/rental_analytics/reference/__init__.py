"""Data sets that come with the pipeline rather than from the marketplace: exchange rates and the calendar."""
