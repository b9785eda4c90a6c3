"""Makes the small corpus of the demo and the tests: real media in each publisher's own layout."""
