"""Reports for a terminal, a CI server, a platform. Pure functions of the records."""
