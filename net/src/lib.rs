//! Shared gRPC and HTTP servers and clients, TLS, bounded compression, and their settings.
