"""What every room needs of the machine: settings, secrets, logs, files, caches, executors."""
