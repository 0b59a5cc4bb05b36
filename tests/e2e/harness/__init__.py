"""What the end-to-end tests stand on: the binary, sinks, the ledger, comparison, senders."""
