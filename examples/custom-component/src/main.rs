//! A collector that has every component of sluice and one of our own.

use std::process::ExitCode;

use sluice_example_custom_component::owner;

#[global_allocator]
static ALLOCATOR: sluice::runtime::Allocator = sluice::runtime::Allocator;

fn main() -> ExitCode {
    sluice::run(&sluice::components::full().processor::<owner::Factory>())
}
