//! The fault rows that hold for every exporter; each exporter has its own tests for them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use sluice_component::{ExporterFactory, Reason, State, host::Process, testkit};
use sluice_pdata::Signal;

use super::{
    Stand,
    backend::{Answer, Backend, Seen},
    nobody,
};

/// An exporter, and the backend that it is written for.
pub(crate) struct Rows<F: ExporterFactory> {
    pub(crate) signal: Signal,
    pub(crate) path: &'static str,
    /// Of an exporter to this address, with short waits.
    pub(crate) settings: fn(SocketAddr) -> F::Settings,
}

impl<F: ExporterFactory> Rows<F> {
    async fn exporter(&self, process: &Arc<Process>, address: SocketAddr) -> Stand<F> {
        Stand::new(process, self.signal, &(self.settings)(address)).await
    }

    /// Five items to a backend with this script, which it takes in the end; the requests that it saw.
    async fn delivered<A: Answer>(&self, script: impl IntoIterator<Item = A>) -> Vec<Seen> {
        let process = testkit::process();
        let backend = Backend::new(self.path, script);
        let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
        let exporter = self.exporter(&process, address).await;
        exporter.offer_items(5).await;
        assert_eq!(exporter.drained().await.sent, 5);
        backend.seen()
    }

    /// e1, e2: a backend that comes later gets everything.
    pub(crate) async fn comes_later<A: Answer>(self) {
        let process = testkit::process();
        let address = nobody().await;
        let exporter = self.exporter(&process, address).await;
        for _ in 0..20 {
            exporter.offer_items(5).await;
        }
        exporter.becomes(State::RecoverableError).await;
        let backend = Backend::<A>::new(self.path, []);
        let (_server, _) = backend.serve(&process, &address.to_string()).await;
        exporter.becomes(State::Ok).await;
        assert_eq!(exporter.drained().await.sent, 100);
        assert_eq!(backend.seen().len(), 20);
    }

    /// e5: the backend's hint, `pause`, is the least wait.
    pub(crate) async fn waits_as_told<A: Answer>(self, busy: A, pause: Duration) {
        let seen = self.delivered([busy]).await;
        assert_eq!(seen.len(), 2);
        assert!(seen[1].at - seen[0].at >= pause);
    }

    /// e6: two such answers are retried, with the same bytes.
    pub(crate) async fn tries_again<A: Answer>(self, script: [A; 2]) {
        let seen = self.delivered(script).await;
        assert_eq!(seen.len(), 3);
        assert!(seen.iter().all(|request| request.body == seen[0].body));
    }

    /// e7: such an answer is not retried.
    pub(crate) async fn gives_up<A: Answer>(self, no: A) {
        let process = testkit::process();
        let what = format!("{no:?}");
        let backend = Backend::new(self.path, [no]);
        let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
        let exporter = self.exporter(&process, address).await;
        exporter.offer_items(5).await;
        let balance = exporter.drained().await;
        assert_eq!((balance.sent, balance.dropped[&Reason::Permanent]), (0, 5), "{what}");
        assert_eq!(backend.seen().len(), 1, "{what}");
    }
}
