"""What scores and features have been worth on the user's own store.

1. `evaluate` parses the texts; sums such as `rating` stay whole. It divides them into portions that
   fit into memory, and each goes to a `worker`, which runs `run_part`.
2. `PanelHistory.read` cuts the store into cross-sections: who traded on each session, what was
   known of them that night, and the returns from the next open on.
3. `every_bar` computes every series at every bar, as a scan of its session would.
4. `session_statistics` holds each column of a batch against the returns over each horizon.
5. `Evidence` sums up what the sessions gave.

Nothing is fitted and nothing is chosen by its result.
"""
