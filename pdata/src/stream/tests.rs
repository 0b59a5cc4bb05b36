//! Ids are in `ids`, the sums in `sums`.
mod ids;
mod remembered;
mod sums;
