//! Strategies of another server, with a cache.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use prost::Message;
use sluice_net::{
    grpc::{Client, Status},
    http::HeaderMap,
};
use tokio::time::Instant;

use super::messages::{Parameters, Strategy};

/// The one method of the service.
pub(super) const GET: &str = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy";

/// Who asks waits no longer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Services whose strategies are kept: anyone can ask for any name.
const MOST: usize = 1000;

pub(super) struct Remote {
    client: Client,
    /// How long an answer is kept; zero keeps none.
    keep: Duration,
    kept: Mutex<HashMap<String, Kept>>,
}

struct Kept {
    since: Instant,
    strategy: Strategy,
}

impl Remote {
    pub(super) fn new(client: Client, keep: Duration) -> Self {
        Self { client, keep, kept: Mutex::default() }
    }

    /// The strategy of `service`. If the server does not answer, the last one that it gave.
    pub(super) async fn get(&self, service: &str) -> Result<Strategy, Status> {
        if let Some(strategy) = self.kept(service, self.keep) {
            return Ok(strategy);
        }
        match self.ask(service).await {
            Ok(strategy) => {
                self.keep(service, &strategy);
                Ok(strategy)
            }
            Err(status) => self.kept(service, Duration::MAX).ok_or(status),
        }
    }

    async fn ask(&self, service: &str) -> Result<Strategy, Status> {
        let question = Parameters { service_name: service.to_owned() }.encode_to_vec().into();
        let reply = self.client.unary(GET, &[question], Some(TIMEOUT), &HeaderMap::new()).await?;
        Strategy::decode(reply.message)
            .map_err(|error| Status::internal(format!("the remote server's answer is malformed: {error}")))
    }

    fn kept(&self, service: &str, age: Duration) -> Option<Strategy> {
        let kept = self.lock();
        kept.get(service).filter(|kept| kept.since.elapsed() < age).map(|kept| kept.strategy.clone())
    }

    fn keep(&self, service: &str, strategy: &Strategy) {
        if self.keep.is_zero() {
            return;
        }
        let mut kept = self.lock();
        if kept.len() >= MOST && !kept.contains_key(service) {
            kept.retain(|_, kept| kept.since.elapsed() < self.keep);
        }
        if kept.len() < MOST || kept.contains_key(service) {
            kept.insert(service.to_owned(), Kept { since: Instant::now(), strategy: strategy.clone() });
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
