use sluice_component::Budget;
use sluice_pdata::{Limits, Signal};
use tokio::time::Instant;

use super::*;

const RULES: Rules = Rules { timeout: Some(Duration::from_secs(3600)), size: 3, max: None };

/// A request with one log record that has to leave `due` seconds after `start`.
fn entry(start: Instant, due: u64) -> Entry {
    // resource_logs { scope_logs { log_records { } } }
    let wire = bytes::Bytes::from_static(&[10, 4, 18, 2, 18, 0]);
    let (data, _) = Pdata::from_wire(Signal::Logs, wire, &Limits::default()).unwrap();
    let due = Some(start + Duration::from_secs(due));
    Entry { data, room: Budget::new(0).reserve(0).unwrap(), due, waiter: None }
}

#[test]
fn the_buffer_is_due_when_the_first_of_its_requests_is() {
    let start = Instant::now();
    let mut buffer = Buffer::default();
    let dues: Vec<u64> = (0..300).map(|n| n * 7919 % 613).collect();
    for (n, &due) in dues.iter().enumerate() {
        buffer.push(entry(start, due), &RULES, usize::MAX);
        let first = dues[..=n].iter().min().copied();
        assert_eq!(buffer.due(), first.map(|due| start + Duration::from_secs(due)));
    }
    for left in (3..=300).step_by(3) {
        assert_eq!(buffer.cut(&RULES, usize::MAX, start, false).unwrap().data.items(), 3);
        let first = dues[left..].iter().min().copied();
        assert_eq!(buffer.due(), first.map(|due| start + Duration::from_secs(due)));
    }
}

#[test]
fn a_cut_looks_at_no_request_that_stays() {
    let start = Instant::now();
    let mut buffer = Buffer::default();
    for due in 0..300 {
        buffer.push(entry(start, due), &RULES, usize::MAX);
    }
    // Were it asked again, the answer would be another.
    buffer.entries.iter_mut().skip(3).for_each(|entry| entry.due = Some(start));
    buffer.cut(&RULES, usize::MAX, start, false).unwrap();
    assert_eq!(buffer.due(), Some(start + Duration::from_secs(3)));
}
