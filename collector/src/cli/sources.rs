//! Where the configuration comes from, and from there to a plan.

use std::path::Path;

use sluice_component::Registry;
use sluice_config::{Loaded, Loader, Node, Problems, Reach};

use super::{args::Common, default_config, failure::Failure, fetch};
use crate::plan::Plan;

/// Where a configuration is looked for without `--config` and `$SLUICE_CONFIG`, in this order.
const PLACES: [&str; 3] =
    ["/etc/sluice/config.yaml", "/etc/otelcol-contrib/config.yaml", "/etc/otelcol/config.yaml"];

/// A configuration that is sound.
#[derive(Debug)]
pub(super) struct Sound {
    pub(super) plan: Plan,
    /// What may not do what was meant.
    pub(super) warnings: Problems,
    /// Where it was found, for the log.
    pub(super) found: Vec<String>,
}

/// Reads and checks the configuration that the flags and the environment name. With [`Reach::Machine`] it can be
/// started here, as far as can be told before.
pub(super) fn read(common: &Common, registry: &Registry, reach: Reach) -> Result<Sound, Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    let found = locations(&common.config, &variable, &|path| Path::new(path).is_file());
    let Loaded { root, mut warnings } =
        loader(common, &found, &variable).load().map_err(Failure::unresolved)?;
    match Plan::read(registry, root, reach, &mut warnings) {
        Some(plan) if !warnings.has_errors() => Ok(Sound { plan, warnings, found }),
        _ => Err(Failure::unsound(warnings)),
    }
}

/// Reads and merges, without a check.
pub(super) fn read_unchecked(common: &Common) -> Result<Node, Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    let found = locations(&common.config, &variable, &|path| Path::new(path).is_file());
    let loaded = loader(common, &found, &variable).load();
    loaded.map(|loaded| loaded.root).map_err(Failure::unresolved)
}

/// Whether the caller named a configuration.
pub(super) fn is_named(common: &Common) -> bool {
    !common.config.is_empty()
        || std::env::var_os("SLUICE_CONFIG").is_some_and(|location| !location.is_empty())
}

type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The first that there is of: the flags, `$SLUICE_CONFIG`, the usual files, the built-in default.
fn locations(flags: &[String], variable: Variable<'_>, is_file: &dyn Fn(&str) -> bool) -> Vec<String> {
    if !flags.is_empty() {
        return flags.to_vec();
    }
    let named = variable("SLUICE_CONFIG").filter(|location| !location.is_empty());
    let usual = || PLACES.iter().find(|path| is_file(path)).map(|path| (*path).to_owned());
    vec![named.or_else(usual).unwrap_or_else(|| default_config::NAME.to_owned())]
}

fn loader(common: &Common, found: &[String], variable: Variable<'_>) -> Loader<'static> {
    let mut loader = Loader::new().strict(common.strict).http(fetch::config);
    for location in found {
        loader = match location.as_str() {
            default_config::NAME => loader.text(default_config::NAME, default_config::YAML),
            location => loader.source(location),
        };
    }
    for (name, key, value) in own_settings(common, variable) {
        loader = loader.text(name, format!("sluice: {{{key}: {value}}}"));
    }
    common.set.iter().fold(loader, |loader, assignment| loader.set(assignment))
}

/// Settings of the section `sluice:` from variables, then from flags, which win: what to call each, its key and
/// its value.
fn own_settings(common: &Common, variable: Variable<'_>) -> Vec<(String, &'static str, String)> {
    let flags = [
        ("drain_delay", &common.drain_delay),
        ("shutdown_timeout", &common.shutdown_timeout),
        ("memory_budget_mib", &common.memory_budget_mib),
    ];
    let variables = flags.iter().filter_map(|(key, _)| {
        let name = format!("SLUICE_{}", key.to_ascii_uppercase());
        let value = variable(&name).filter(|value| !value.is_empty())?;
        Some((name, *key, value))
    });
    let typed = flags.iter().filter_map(|(key, value)| {
        Some((format!("--{}", key.replace('_', "-")), *key, value.as_ref()?.clone()))
    });
    variables.chain(typed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn a_configuration_is_looked_for_in_order() {
        let places = |flags: &[&str], env: Option<&str>, files: &[&str]| {
            let flags: Vec<String> = flags.iter().map(|f| (*f).to_owned()).collect();
            let env = env.map(str::to_owned);
            locations(&flags, &|_| env.clone(), &|path| files.contains(&path))
        };
        assert_eq!(places(&["a", "b"], Some("e"), &PLACES), ["a", "b"]);
        assert_eq!(places(&[], Some("e"), &PLACES), ["e"]);
        assert_eq!(places(&[], Some(""), &PLACES), ["/etc/sluice/config.yaml"]);
        assert_eq!(places(&[], None, &PLACES[1..]), ["/etc/otelcol-contrib/config.yaml"]);
        assert_eq!(places(&[], None, &PLACES[2..]), ["/etc/otelcol/config.yaml"]);
        assert_eq!(places(&[], None, &[]), [default_config::NAME]);
    }

    #[test]
    fn flags_win_over_variables_and_both_over_the_file() {
        let common = Common { drain_delay: Some("3s".to_owned()), ..Common::default() };
        let variable = |name: &str| match name {
            "SLUICE_DRAIN_DELAY" => Some("2s".to_owned()),
            "SLUICE_SHUTDOWN_TIMEOUT" => Some("9s".to_owned()),
            _ => None,
        };
        let file = "yaml:sluice: {drain_delay: 1s, shutdown_timeout: 1s}".to_owned();
        let root = loader(&common, &[file], &variable).load().unwrap().root;
        assert_eq!(root.at("sluice::drain_delay").unwrap().as_str(), Some("3s"));
        assert_eq!(root.at("sluice::shutdown_timeout").unwrap().as_str(), Some("9s"));
    }

    #[test]
    fn every_own_setting_has_a_flag_and_a_variable() {
        let keys = sluice_config::to_node(&crate::settings::Settings::default());
        let all = Common {
            drain_delay: Some(String::new()),
            shutdown_timeout: Some(String::new()),
            memory_budget_mib: Some(String::new()),
            ..Common::default()
        };
        let flags: Vec<_> = own_settings(&all, &none).into_iter().map(|(_, key, _)| key.to_owned()).collect();
        let keys: Vec<_> = keys.entries().iter().map(|entry| entry.key.to_string()).collect();
        assert_eq!(flags, keys);
    }
}
