//! What receivers do between the bytes of a request and the pipelines, and what they answer.
//!
//! A receiver reads a request, makes OTLP of it ([`Intake::admit`], or [`Intake::translate`] from another format) and
//! hands it on ([`Intake::hand_on`]). What goes wrong on the way is a [`Failure`], which every protocol answers through
//! [`Answer`].

mod answer;
#[cfg(any(feature = "jaeger-receiver", feature = "zipkin-receiver"))]
pub(crate) mod foreign;
pub(crate) mod replies;

use std::sync::Arc;

pub(crate) use answer::Answer;
use bytes::Bytes;
use sluice_component::{ComponentRef, Consume, Context, Host, OverBudget, Permit, Reason, Refusal};
use sluice_pdata::{Limits, Pdata, Repairs, Signal, WireError};

/// Takes the requests of one signal.
pub(crate) struct Intake {
    signal: Signal,
    next: Arc<dyn Consume>,
    host: Host,
    limits: Limits,
    #[cfg(any(feature = "jaeger-receiver", feature = "zipkin-receiver"))]
    rejections: foreign::Rejections,
}

/// What a request brought, checked.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) data: Pdata,
    /// Holds the data's bytes in the budget.
    pub(crate) permit: Permit,
    /// Items of the request that are not in the data.
    pub(crate) rejected: usize,
}

/// Why a request is not answered with success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It is no request of its protocol.
    Malformed(String),
    /// It is one, but larger than what this process decodes.
    TooLarge(String),
    /// The process has no room for its decoded form now.
    NoRoom(OverBudget),
    /// The pipelines did not take it.
    Refused(Refusal),
}

impl Intake {
    pub(crate) fn new(signal: Signal, next: Arc<dyn Consume>, host: Host) -> Self {
        let mut limits = Limits::default();
        limits.max_decoded_bytes = limits.max_decoded_bytes.min(host.budget().limit());
        Self {
            signal,
            next,
            host,
            limits,
            #[cfg(any(feature = "jaeger-receiver", feature = "zipkin-receiver"))]
            rejections: foreign::Rejections::default(),
        }
    }

    pub(crate) fn signal(&self) -> Signal {
        self.signal
    }

    pub(crate) fn receiver(&self) -> &ComponentRef {
        self.host.component()
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Checks the bytes of an OTLP request. `permit` comes as theirs and leaves as that of the data.
    pub(crate) fn admit(&self, wire: Bytes, mut permit: Permit) -> Result<(Admitted, Repairs), Failure> {
        let received = wire.as_ptr();
        let (data, repairs) = Pdata::from_wire(self.signal, wire, &self.limits)?;
        if data.wire().iter().any(|chunk| chunk.as_ptr() != received) {
            // It was rewritten; U+FFFD takes three bytes in place of one.
            let more = data.size().saturating_sub(permit.bytes());
            self.reserve(&mut permit, more)?;
            permit.shrink_to(data.size());
        }
        Ok((Admitted { data, permit, rejected: repairs.rejected_items }, repairs))
    }

    /// Takes `more` bytes into the permit. What the budget could not even hold alone is too large, not to be tried
    /// again.
    pub(crate) fn reserve(&self, permit: &mut Permit, more: usize) -> Result<(), Failure> {
        let limit = self.host.budget().limit();
        if permit.bytes().saturating_add(more) > limit {
            let what = "memory to decode the request";
            return Err(WireError::TooLarge { what, limit }.into());
        }
        permit.grow(more).map_err(Failure::NoRoom)
    }

    /// Hands the data over and waits for the verdict. The permit stays with the data for as long as somebody holds it.
    pub(crate) async fn hand_on(&self, cx: Context, admitted: Admitted) -> Result<(), Failure> {
        let Admitted { mut data, permit, rejected } = admitted;
        if !data.is_empty() {
            data.hold(Arc::new(permit));
            self.next.consume(cx, data).await.map_err(Failure::Refused)?;
        }
        // Not before the verdict: a request that is refused comes again, with the same items to reject.
        if rejected > 0 {
            self.host.rejected_at_the_door(self.signal, Reason::Invalid.as_str(), rejected);
        }
        Ok(())
    }
}

impl Admitted {
    /// Adds what another request brought.
    #[cfg(feature = "jaeger-receiver")]
    pub(crate) fn join(&mut self, other: Self) {
        let Self { mut data, permit, rejected } = other;
        data.hold(Arc::new(permit));
        self.data.append(data);
        self.rejected += rejected;
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Malformed { .. } => Self::Malformed(error.to_string()),
            WireError::TooLarge { .. } => Self::TooLarge(error.to_string()),
        }
    }
}

#[cfg(any(
    feature = "jaeger-receiver",
    feature = "prometheus-remote-write-receiver",
    feature = "zipkin-receiver"
))]
impl From<sluice_formats::Malformed> for Failure {
    fn from(error: sluice_formats::Malformed) -> Self {
        match error {
            sluice_formats::Malformed::Bytes { .. } | sluice_formats::Malformed::Text { .. } => {
                Self::Malformed(error.to_string())
            }
            sluice_formats::Malformed::TooLarge { .. } => Self::TooLarge(error.to_string()),
        }
    }
}
