"""Where the columns of a cross-section come from, besides its bars."""
