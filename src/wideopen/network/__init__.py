"""The network, its weights as files, and the networks of others that it is built or judged with."""
