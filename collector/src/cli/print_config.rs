//! `print-config`: the configuration as it will be used.

use sluice_component::{Registry, factory::Secrets};
use sluice_config::{Print, Reach};

use super::{
    args::{Common, Mode, Notation, PrintConfig},
    failure::Failure,
    sources,
};

pub(super) fn run(common: &Common, options: &PrintConfig, registry: &Registry) -> Result<String, Failure> {
    let tree = match (options.validate, options.mode) {
        (true, Mode::Redacted) => {
            sources::read(common, registry, Reach::Settings)?.plan.effective(Secrets::Redacted)
        }
        (true, Mode::Unredacted) => {
            sources::read(common, registry, Reach::Settings)?.plan.effective(Secrets::Shown)
        }
        (false, Mode::Unredacted) => sources::read_unchecked(common)?,
        (false, Mode::Redacted) => {
            let text = "without validation it is not known which values are secrets: add --mode unredacted";
            return Err(Failure::new(text));
        }
    };
    Ok(match options.format {
        Notation::Yaml => tree.to_yaml(Print { origins: options.origins }),
        Notation::Json => tree.to_json() + "\n",
    })
}
