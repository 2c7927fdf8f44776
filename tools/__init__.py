"""What runs on the project itself, not in it: checks of a release. No part of what is installed."""
