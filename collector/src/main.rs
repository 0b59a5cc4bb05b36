//! The collector with every component of this build.

use std::process::ExitCode;

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: sluice::runtime::Allocator = sluice::runtime::Allocator;

fn main() -> ExitCode {
    sluice::run(&sluice::components::full())
}
