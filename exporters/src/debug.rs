//! Prints what arrives, for people.
