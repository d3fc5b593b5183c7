"""What files say, under our names: every format that technic reads.

1. `parts`: what a path holds: a file, the files of a folder or of an archive.
2. `text_table`: a part as a table of text; nothing is inferred from its first rows.
3. `dialects`: whose layout it is, which columns are ours, how the vendor adjusts.
4. `numbers`, `dates`: cells as numbers, days and instants; what cannot be read is counted.
5. `bars`, `listings`, `filings`: the tables that an import takes; what is read of a file of bars
   stands in `bar_file`, and how a table of them is read in `bar_table`.
"""
