//! A batch becomes again what each caller put into it.

use sluice_pdata::Pdata;

/// Cuts `data` into parts of so many `items` each, in order.
pub(super) fn apart(data: Pdata, items: &[usize]) -> Vec<Pdata> {
    let mut parts = Vec::with_capacity(items.len());
    halve(data, items, &mut parts);
    parts
}

/// Cuts in the middle first: so each byte is looked at as often as the number of parts can be halved.
fn halve(mut data: Pdata, items: &[usize], parts: &mut Vec<Pdata>) {
    if items.len() < 2 {
        parts.push(data);
        return;
    }
    let (front, back) = items.split_at(items.len() / 2);
    let first = data.split_off_front(front.iter().sum());
    halve(first, front, parts);
    halve(data, back, parts);
}
