"""What keeps the monitor of a project running: a job, a process, systemd or cron."""
