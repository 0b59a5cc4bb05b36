//! Strategies of services, from the file that Jaeger's collectors read.

use std::{collections::HashMap, fs::File, io::Read};

use serde::Deserialize;

use super::messages::{Operation, PerOperation, Probabilistic, Strategy};

/// Jaeger's rate where nothing is said.
const DEFAULT_RATE: f64 = 0.001;
/// More than any file of strategies.
const MOST_BYTES: u64 = 16 << 20;

/// What each service is told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Strategies {
    services: HashMap<String, Strategy>,
    default: Strategy,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Contents {
    default_strategy: Option<Entry>,
    service_strategies: Vec<Entry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    service: String,
    operation: String,
    r#type: String,
    param: f64,
    operation_strategies: Vec<Entry>,
}

impl Strategies {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(super) fn read(path: &str) -> Result<Self, String> {
        let mut text = String::new();
        let file = File::open(path).map_err(|error| format!("cannot read {path}: {error}"))?;
        file.take(MOST_BYTES)
            .read_to_string(&mut text)
            .map_err(|error| format!("cannot read {path}: {error}"))?;
        Self::parse(&text).map_err(|error| format!("{path}: {error}"))
    }

    /// Reads the content of a file.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |error| format!("no file of sampling strategies: {error}");
        // A map, since a list would pass for a struct. Jaeger reads `null` as a file without strategies.
        let map: Option<serde_json::Map<String, serde_json::Value>> =
            serde_json::from_str(text).map_err(wrong)?;
        let contents =
            Contents::deserialize(serde_json::Value::Object(map.unwrap_or_default())).map_err(wrong)?;
        let default = match &contents.default_strategy {
            Some(entry) => entry.whole()?,
            None => Strategy::probabilistic(DEFAULT_RATE),
        };
        let mut services = HashMap::new();
        for entry in &contents.service_strategies {
            if entry.service.is_empty() {
                return Err("an entry of service_strategies has no `service`".to_owned());
            }
            let mut strategy = entry.whole()?;
            inherit(&mut strategy, default.operation_sampling.as_ref());
            services.insert(entry.service.clone(), strategy);
        }
        Ok(Self { services, default })
    }

    pub(super) fn of(&self, service: &str) -> &Strategy {
        self.services.get(service).unwrap_or(&self.default)
    }
}

/// Adds what the default says of operations; what the service itself says wins.
fn inherit(strategy: &mut Strategy, default: Option<&PerOperation>) {
    let Some(default) = default else { return };
    let own_rate = strategy.probabilistic_sampling.map(|own| own.sampling_rate);
    match &mut strategy.operation_sampling {
        None => {
            let rate = own_rate.unwrap_or(default.default_sampling_probability);
            let inherited = PerOperation { default_sampling_probability: rate, ..default.clone() };
            strategy.operation_sampling = Some(inherited);
        }
        Some(own) => {
            for operation in &default.per_operation_strategies {
                if !own.per_operation_strategies.iter().any(|known| known.operation == operation.operation) {
                    own.per_operation_strategies.push(operation.clone());
                }
            }
        }
    }
}

impl Entry {
    /// The strategy of a service, with those of its operations.
    fn whole(&self) -> Result<Strategy, String> {
        let mut strategy = self.plain()?;
        if self.operation_strategies.is_empty() {
            return Ok(strategy);
        }
        let rate = strategy.probabilistic_sampling.map_or(DEFAULT_RATE, |own| own.sampling_rate);
        let operations = self.operation_strategies.iter().map(|entry| entry.of_operation(rate));
        strategy.operation_sampling = Some(PerOperation {
            default_sampling_probability: rate,
            per_operation_strategies: operations.collect::<Result<_, _>>()?,
            ..PerOperation::default()
        });
        Ok(strategy)
    }

    fn plain(&self) -> Result<Strategy, String> {
        match self.r#type.as_str() {
            "probabilistic" => Ok(Strategy::probabilistic(self.rate()?)),
            "ratelimiting" => Ok(Strategy::rate_limiting(self.per_second()?)),
            other => {
                Err(format!("{}: unknown type \"{other}\", known: probabilistic, ratelimiting", self.name()))
            }
        }
    }

    /// Clients know rates alone for operations; Jaeger gives the others the rate of their service.
    fn of_operation(&self, default: f64) -> Result<Operation, String> {
        let rate = match self.r#type.as_str() {
            "probabilistic" => self.rate()?,
            _ => default,
        };
        let probabilistic_sampling = Some(Probabilistic { sampling_rate: rate });
        Ok(Operation { operation: self.operation.clone(), probabilistic_sampling })
    }

    fn rate(&self) -> Result<f64, String> {
        if (0.0..=1.0).contains(&self.param) {
            return Ok(self.param);
        }
        Err(format!(
            "{}: `param` of a probabilistic strategy must be from 0 to 1, not {}",
            self.name(),
            self.param
        ))
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is checked, and clients know whole traces alone"
    )]
    fn per_second(&self) -> Result<i32, String> {
        if (0.0..=f64::from(i32::MAX)).contains(&self.param) {
            return Ok(self.param as i32);
        }
        Err(format!("{}: `param` must be a number of traces per second, not {}", self.name(), self.param))
    }

    fn name(&self) -> String {
        match (self.service.as_str(), self.operation.as_str()) {
            ("", "") => "default_strategy".to_owned(),
            ("", operation) => format!("operation `{operation}`"),
            (service, _) => format!("service `{service}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(strategy: &Strategy) -> (f64, Vec<(&str, f64)>) {
        let operations = strategy.operation_sampling.as_ref().unwrap();
        let rate = |operation: &Operation| operation.probabilistic_sampling.unwrap().sampling_rate;
        let each = operations.per_operation_strategies.iter();
        (operations.default_sampling_probability, each.map(|op| (&*op.operation, rate(op))).collect())
    }

    #[test]
    fn a_service_has_its_own_strategy_and_others_the_default() {
        let strategies = Strategies::parse(
            r#"{"service_strategies": [
                  {"service": "foo", "type": "probabilistic", "param": 0.8},
                  {"service": "bar", "type": "ratelimiting", "param": 5}],
                "default_strategy": {"type": "probabilistic", "param": 0.5}}"#,
        )
        .unwrap();
        assert_eq!(strategies.of("foo"), &Strategy::probabilistic(0.8));
        assert_eq!(strategies.of("bar"), &Strategy::rate_limiting(5));
        assert_eq!(strategies.of("other"), &Strategy::probabilistic(0.5));
    }

    #[test]
    fn without_a_default_one_trace_in_a_thousand_is_sampled() {
        for text in ["{}", "null"] {
            assert_eq!(Strategies::parse(text).unwrap().of("x"), &Strategy::probabilistic(0.001));
        }
    }

    #[test]
    fn operations_of_the_default_hold_for_services_that_say_nothing_else_of_them() {
        let strategies = Strategies::parse(
            r#"{"service_strategies": [
                  {"service": "foo", "type": "probabilistic", "param": 0.8, "operation_strategies": [
                     {"operation": "op1", "type": "probabilistic", "param": 0.2},
                     {"operation": "op2", "type": "ratelimiting", "param": 10}]},
                  {"service": "bar", "type": "ratelimiting", "param": 5},
                  {"service": "baz", "type": "probabilistic", "param": 0.3}],
                "default_strategy": {"type": "probabilistic", "param": 0.5, "operation_strategies": [
                     {"operation": "/health", "type": "probabilistic", "param": 0.0},
                     {"operation": "op1", "type": "probabilistic", "param": 0.9}]}}"#,
        )
        .unwrap();
        let inherited = [("/health", 0.0), ("op1", 0.9)];
        assert_eq!(rates(strategies.of("foo")), (0.8, vec![("op1", 0.2), ("op2", 0.8), ("/health", 0.0)]));
        assert_eq!(rates(strategies.of("bar")), (0.5, inherited.to_vec()));
        assert_eq!(rates(strategies.of("baz")), (0.3, inherited.to_vec()));
        assert_eq!(rates(strategies.of("other")), (0.5, inherited.to_vec()));
    }

    #[test]
    fn what_no_client_could_follow_is_refused() {
        for (text, why) in [
            ("[1]", "no file of sampling strategies"),
            (r#"{"default_strategy": {"type": "adaptive"}}"#, "default_strategy: unknown type \"adaptive\""),
            (r#"{"default_strategy": {"type": "probabilistic", "param": 1.5}}"#, "from 0 to 1, not 1.5"),
            (
                r#"{"service_strategies": [{"service": "a", "type": "ratelimiting", "param": -1}]}"#,
                "service `a`",
            ),
            (r#"{"service_strategies": [{"type": "ratelimiting", "param": 1}]}"#, "has no `service`"),
        ] {
            let error = Strategies::parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
