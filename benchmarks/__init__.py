"""Speed against other ways of doing the same, in one run on the same pages: ratios, never times alone."""
