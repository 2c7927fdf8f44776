"""What does a manager see in a browser? Pages, made by the server from the answers that programs get, too."""
