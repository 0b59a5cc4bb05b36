//! `print-config`: the configuration as it will be used.

use sluice_component::{Registry, factory::Secrets};
use sluice_config::{Print, Problems, Reach};

use super::{
    args::{Common, Mode, Notation, PrintConfig},
    failure::Failure,
    sources,
};
use crate::plan;

pub(super) fn run(common: &Common, options: &PrintConfig, registry: &Registry) -> Result<String, Failure> {
    let tree = match (options.validate, options.mode) {
        (true, mode) => {
            let secrets = match mode {
                Mode::Redacted => Secrets::Redacted,
                Mode::Unredacted => Secrets::Shown,
            };
            sources::read(common, registry, Reach::Settings)?.plan.effective(secrets)
        }
        (false, Mode::Redacted) => {
            // Which values are secrets is known once they are decoded.
            let mut problems = Problems::new();
            let tree = plan::print::unchecked(registry, sources::read_unchecked(common)?, &mut problems);
            if problems.has_errors() {
                return Err(Failure::unsound(problems));
            }
            tree
        }
        (false, Mode::Unredacted) => sources::read_unchecked(common)?,
    };
    Ok(match options.format {
        Notation::Yaml => tree.to_yaml(Print { origins: options.origins }),
        Notation::Json => tree.to_json() + "\n",
    })
}
