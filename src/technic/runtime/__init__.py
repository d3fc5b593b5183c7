"""What every package needs of the machine: settings, secrets, logs, files, caches, executors."""
