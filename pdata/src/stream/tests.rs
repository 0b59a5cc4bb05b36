mod differences;
mod edits;
mod ids;
mod remembered;
mod sums;
