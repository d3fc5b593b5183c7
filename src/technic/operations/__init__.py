"""Jobs made of scans: the nightly run, the trading day, alerts, rollouts, benchmarks, checks."""
