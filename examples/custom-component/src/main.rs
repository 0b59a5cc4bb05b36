//! A collector that has every component of sluice and one of our own.

mod owner;

use std::process::ExitCode;

fn main() -> ExitCode {
    sluice::run(&sluice::components::full().processor::<owner::Factory>())
}
