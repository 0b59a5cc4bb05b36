//! The queue, retry, timeout, splitting and accounts that every network exporter is wrapped in.
