"""The main process: starts, supervises and stops the other processes, logs, shows the terminal. It opens no port."""
