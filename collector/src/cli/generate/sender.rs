//! The way of a worker's requests, and what became of one.

use std::{error::Error, sync::Arc};

use sluice_component::{
    BuildCx, ComponentRef, Context, Exporter, Host, Kind, PipelineId, Reason, Refusal, Tier,
    factory::Shared,
    host::Process,
    ledger::{Balance, Branch},
};
use sluice_pdata::Pdata;
use tokio::time::Instant;

use super::{
    target::{Target, Way},
    udp::Udp,
};
use crate::cli::failure::Failure;

/// What became of the items of one request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The backend has them; by UDP, the system took them.
    pub(super) accepted: u64,
    /// It does not, and why.
    pub(super) refused: Vec<(String, u64)>,
}

pub(super) enum Sender {
    Exporter {
        exporter: Arc<dyn Exporter>,
        /// Of this worker alone: what is booked while it sends is booked for its request.
        branch: Arc<Branch>,
    },
    Udp(Udp),
}

impl Sender {
    /// Builds and starts the exporter of worker `number`: each has its own connection.
    pub(super) async fn start(target: &Target, number: u16, process: &Arc<Process>) -> Result<Self, Failure> {
        let failed = |error: &dyn Error| Failure::new(error.to_string());
        let (factory, settings) = match &target.way {
            Way::Exporter { factory, settings } => (factory, settings),
            Way::Udp(address) => return Ok(Self::Udp(Udp::connect(address).await?)),
        };
        let id =
            if number == 0 { factory.type_().to_owned() } else { format!("{}/{number}", factory.type_()) };
        let component = ComponentRef::new(Kind::Exporter, id.parse().map_err(|error| failed(&error))?);
        let account = process.ledger.account(&PipelineId::new(target.signal, &number.to_string()));
        let branch = account.branch(&component);
        process.health.enlist(component.clone(), Vec::new());
        let cx = BuildCx {
            component: component.clone(),
            signal: Some(target.signal),
            account: Some(account),
            tier: Tier::EndToEnd,
            telemetry: process.telemetry.clone(),
            budget: process.budget.clone(),
            health: process.health.clone(),
            shared: Shared::default(),
        };
        let exporter = factory.build(settings, cx).map_err(|error| failed(&error))?;
        exporter.start(&Host::new(component, process.clone())).await.map_err(|error| failed(&error))?;
        Ok(Self::Exporter { exporter, branch })
    }

    /// Sends the request, tried again as the options say, and waits for the verdict.
    pub(super) async fn send(&self, data: Pdata) -> Verdict {
        let (exporter, branch) = match self {
            Self::Exporter { exporter, branch } => (exporter, branch),
            Self::Udp(udp) => return udp.send(data).await,
        };
        let (items, before) = (data.items() as u64, branch.balance());
        let refusal = exporter.consume(Context::default().on_branch(branch.clone()), data).await.err();
        verdict(items, &before, &branch.balance(), refusal.as_ref())
    }

    /// Gives up what is on its way.
    pub(super) async fn stop(&self) {
        if let Self::Exporter { exporter, .. } = self {
            // What is lost is in the verdicts.
            exporter.shutdown(Instant::now()).await.unwrap_or_default();
        }
    }
}

/// A request may have been several, with a verdict on each: the books tell.
fn verdict(items: u64, before: &Balance, after: &Balance, refusal: Option<&Refusal>) -> Verdict {
    let accepted = after.sent - before.sent;
    let mut refused =
        vec![("rejected one by one (partial success)".to_owned(), after.rejected - before.rejected)];
    for (reason, count) in &after.dropped {
        let earlier = before.dropped.get(reason).copied().unwrap_or_default();
        refused.push((reason.to_string(), count - earlier));
    }
    let told: u64 = refused.iter().map(|(_, items)| items).sum();
    if let Some(refusal) = refusal {
        refused.push((why(refusal), items.saturating_sub(accepted + told)));
    }
    refused.retain(|(_, items)| *items > 0);
    Verdict { accepted, refused }
}

/// The reason and its causes, without whose they are and how many items: that would make each text another one.
fn why(refusal: &Refusal) -> String {
    let mut text = match refusal.reason {
        Reason::Stopping => "no answer before the end".to_owned(),
        reason => reason.to_string(),
    };
    let mut next = refusal.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}
