"""The client of SIPE's API: typed calls that are made once, however often they have to be sent."""
