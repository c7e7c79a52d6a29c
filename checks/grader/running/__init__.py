"""Processes: the server that forks, what confines its children, how one talks to them."""
