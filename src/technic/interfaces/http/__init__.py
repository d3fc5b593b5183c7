"""The same answers over HTTP, and the pages that show them.

    request ─ guards (host, origin, key, size, rate) ─► routes ─ gate (bounded queue) ─► technic
                                                          └── bus ─► events pushed to pages

`app` puts it together, `hub` holds what requests share, `gate` lets a few work at once, `jobs`
runs what takes long, `bus` pushes what happens, `pages` serves the files of the pages.
"""
