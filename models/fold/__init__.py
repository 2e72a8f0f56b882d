"""The fold: from a station's events to minute facts and stops, the same whatever the order of arrival."""
