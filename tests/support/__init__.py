"""What many tests share: servers that are really started, vendors, browsers, panels."""
