"""What a person sees in a browser; a package, so that its files may be named as their fellows in tests/."""
