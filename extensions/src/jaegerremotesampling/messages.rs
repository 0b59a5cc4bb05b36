//! `api_v2` sampling messages, and the JSON in which clients read them.

use prost::Message;
use serde::Serialize;

/// The question of a client.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Parameters {
    #[prost(string, tag = "1")]
    pub(super) service_name: String,
}

/// The answer. Clients look at `operationSampling` first, then at the type.
#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Strategy {
    #[prost(enumeration = "StrategyType", tag = "1")]
    #[serde(serialize_with = "name")]
    pub(super) strategy_type: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) probabilistic_sampling: Option<Probabilistic>,
    #[prost(message, optional, tag = "3")]
    pub(super) rate_limiting_sampling: Option<RateLimiting>,
    #[prost(message, optional, tag = "4")]
    pub(super) operation_sampling: Option<PerOperation>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(super) enum StrategyType {
    Probabilistic = 0,
    RateLimiting = 1,
}

#[derive(Clone, Copy, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Probabilistic {
    #[prost(double, tag = "1")]
    pub(super) sampling_rate: f64,
}

#[derive(Clone, Copy, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RateLimiting {
    #[prost(int32, tag = "1")]
    pub(super) max_traces_per_second: i32,
}

#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PerOperation {
    #[prost(double, tag = "1")]
    pub(super) default_sampling_probability: f64,
    #[prost(double, tag = "2")]
    pub(super) default_lower_bound_traces_per_second: f64,
    #[prost(message, repeated, tag = "3")]
    pub(super) per_operation_strategies: Vec<Operation>,
    #[prost(double, tag = "4")]
    pub(super) default_upper_bound_traces_per_second: f64,
}

#[derive(Clone, PartialEq, Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Operation {
    #[prost(string, tag = "1")]
    pub(super) operation: String,
    #[prost(message, optional, tag = "2")]
    pub(super) probabilistic_sampling: Option<Probabilistic>,
}

impl Strategy {
    pub(super) fn probabilistic(rate: f64) -> Self {
        Self {
            strategy_type: StrategyType::Probabilistic.into(),
            probabilistic_sampling: Some(Probabilistic { sampling_rate: rate }),
            ..Self::default()
        }
    }

    pub(super) fn rate_limiting(per_second: i32) -> Self {
        Self {
            strategy_type: StrategyType::RateLimiting.into(),
            rate_limiting_sampling: Some(RateLimiting { max_traces_per_second: per_second }),
            ..Self::default()
        }
    }

    /// The JSON of `/sampling`: every field is there, those without a value as `null`.
    pub(super) fn to_json(&self) -> String {
        // The messages hold numbers, texts and lists: nothing of that can fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The JSON of the oldest clients, which know the type by its number.
    pub(super) fn to_json_of_old(&self) -> String {
        let number = i32::from(self.strategy_type == i32::from(StrategyType::RateLimiting));
        let rest = self.to_json();
        let rest = rest.split_once(',').map_or("}", |(_, rest)| rest);
        format!("{{\"strategyType\":{number},{rest}")
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn name<S: serde::Serializer>(type_: &i32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match StrategyType::try_from(*type_) {
        Ok(StrategyType::RateLimiting) => "RATE_LIMITING",
        Ok(StrategyType::Probabilistic) | Err(_) => "PROBABILISTIC",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_what_agents_sent() {
        assert_eq!(
            Strategy::probabilistic(0.42).to_json(),
            r#"{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.42},"rateLimitingSampling":null,"operationSampling":null}"#
        );
        assert_eq!(
            Strategy::rate_limiting(42).to_json(),
            r#"{"strategyType":"RATE_LIMITING","probabilisticSampling":null,"rateLimitingSampling":{"maxTracesPerSecond":42},"operationSampling":null}"#
        );
        assert_eq!(
            Strategy::rate_limiting(42).to_json_of_old(),
            r#"{"strategyType":1,"probabilisticSampling":null,"rateLimitingSampling":{"maxTracesPerSecond":42},"operationSampling":null}"#
        );
        let operation = Operation {
            operation: "op".to_owned(),
            probabilistic_sampling: Some(Probabilistic { sampling_rate: 0.5 }),
        };
        let operations = PerOperation {
            default_sampling_probability: 0.25,
            per_operation_strategies: vec![operation],
            ..PerOperation::default()
        };
        let strategy = Strategy { operation_sampling: Some(operations), ..Strategy::probabilistic(0.25) };
        assert_eq!(
            strategy.to_json(),
            r#"{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.25},"rateLimitingSampling":null,"operationSampling":{"defaultSamplingProbability":0.25,"defaultLowerBoundTracesPerSecond":0.0,"perOperationStrategies":[{"operation":"op","probabilisticSampling":{"samplingRate":0.5}}],"defaultUpperBoundTracesPerSecond":0.0}}"#
        );
    }
}
