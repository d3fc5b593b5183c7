"""Where people and programs ask: each interface parses, calls one function, renders."""
