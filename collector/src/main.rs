//! The collector with every component of this build.

use std::process::ExitCode;

fn main() -> ExitCode {
    sluice::run(&sluice::components::full())
}
