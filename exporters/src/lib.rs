//! Exporters, and the queue, retry and timeout that they share.
