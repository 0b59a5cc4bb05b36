//! Edits that make data larger, within the memory budget.

use std::{cell::RefCell, sync::Arc};

use sluice_pdata::{NoRoom, Pdata, Room};

use crate::{
    budget::{Budget, OverBudget},
    factory::BuildCx,
    ids::ComponentRef,
    refusal::{Reason, Refusal},
};

/// What a component needs to let its edits add to data: a few bytes of a client can be a million empty records, each of
/// which gets what is added.
#[derive(Debug, Clone)]
pub struct Growth {
    component: ComponentRef,
    budget: Budget,
}

impl Growth {
    /// That of the component which is built.
    #[must_use]
    pub fn of(cx: &BuildCx) -> Self {
        Self { component: cx.component.clone(), budget: cx.budget.clone() }
    }

    /// Runs `edit`, which gives the bytes that it added. While it runs, it is given room out of the budget; what it
    /// added is held by the data from then on.
    ///
    /// # Errors
    /// A retryable [`Reason::MemoryLimit`] when the budget has no room for what is added.
    pub fn edit(
        &self,
        data: &mut Pdata,
        edit: impl FnOnce(&mut Pdata, Room<'_>) -> Result<usize, NoRoom>,
    ) -> Result<(), Refusal> {
        let refusal = |data: &Pdata, error: OverBudget| {
            let component = self.component.clone();
            Refusal::retryable(component, data.signal(), data.items(), Reason::MemoryLimit).because(error)
        };
        let permit = RefCell::new(self.budget.reserve(0).map_err(|error| refusal(data, error))?);
        let fault = RefCell::new(None);
        let ask = |bytes| match permit.borrow_mut().grow(bytes) {
            Ok(()) => true,
            Err(error) => {
                fault.replace(Some(error));
                false
            }
        };
        match edit(data, Room::new(&ask)) {
            Ok(0) => Ok(()),
            Ok(grown) => {
                let mut permit = permit.into_inner();
                permit.shrink_to(grown);
                data.hold(Arc::new(permit));
                Ok(())
            }
            Err(NoRoom { wanted }) => {
                let (used, limit) = (self.budget.used(), self.budget.limit());
                Err(refusal(data, fault.take().unwrap_or(OverBudget { wanted, used, limit })))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sluice_pdata::{
        Signal,
        otlp::{
            ExportTraceServiceRequest,
            trace::v1::{ResourceSpans, ScopeSpans, Span},
        },
    };

    use super::*;
    use crate::ids::Kind;

    fn data() -> Pdata {
        let scope_spans = vec![ScopeSpans { spans: vec![Span::default()], ..ScopeSpans::default() }];
        let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
        Pdata::from_traces(ExportTraceServiceRequest { resource_spans })
    }

    /// Adds an attribute of so many bytes to the one resource, within a budget of 64 KiB.
    fn add(bytes: usize, data: &mut Pdata) -> (Budget, Result<(), Refusal>) {
        let budget = Budget::new(64 << 10);
        let component = ComponentRef::new(Kind::Processor, "resource".parse().unwrap());
        let growth = Growth { component, budget: budget.clone() };
        let result = growth.edit(data, |data, room| {
            data.edit_resources(room, |resource| {
                if bytes > 0 {
                    resource.upsert("new", "x".repeat(bytes).as_str());
                }
            })
        });
        (budget, result)
    }

    #[test]
    fn what_is_added_is_held_as_long_as_the_data() {
        let mut data = data();
        let (budget, result) = add(10 << 10, &mut data);
        result.unwrap();
        assert!((10 << 10..12 << 10).contains(&budget.used()), "{}", budget.used());
        let clone = data.clone();
        drop(data);
        assert!(budget.used() > 0);
        drop(clone);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn what_changes_nothing_holds_nothing() {
        let mut data = data();
        let (budget, result) = add(0, &mut data);
        assert!(result.is_ok() && budget.used() == 0);
    }

    #[test]
    fn what_the_budget_has_no_room_for_is_refused_and_may_come_again() {
        let mut data = data();
        let (budget, result) = add(64 << 10, &mut data);
        let refusal = result.unwrap_err();
        assert!(refusal.is_retryable());
        assert_eq!((refusal.reason, refusal.items, refusal.signal), (Reason::MemoryLimit, 1, Signal::Traces));
        let text = refusal.chain();
        assert!(text.contains("would exceed the memory budget"), "{text}");
        assert_eq!(budget.used(), 0);
    }
}
