//! `host.cpu.*`, of the first CPU that Linux lists.

use crate::resource_detection::{
    machine::Machine,
    value::{Attributes, Value},
};

pub(super) fn describe(machine: &Machine, found: &mut Attributes) {
    let info = machine.read("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let pairs = info.lines().filter_map(|line| line.split_once(':'));
        let mut values =
            pairs.filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned());
        values.next().filter(|value| !value.is_empty())
    };
    found.add_if("host.cpu.vendor.id", field("vendor_id"));
    found.add_if("host.cpu.family", field("cpu family"));
    found.add_if("host.cpu.model.id", field("model"));
    found.add_if("host.cpu.model.name", field("model name"));
    found.add_if("host.cpu.stepping", field("stepping"));
    found.add_if("host.cpu.cache.l2.size", level_2(machine).map(Value::Int));
}

/// Bytes of the second level's cache.
fn level_2(machine: &Machine) -> Option<i64> {
    (0..8).find_map(|index| {
        let cache = format!("/sys/devices/system/cpu/cpu0/cache/index{index}");
        machine.line(format!("{cache}/level")).filter(|level| level == "2")?;
        let size = machine.line(format!("{cache}/size"))?;
        size.strip_suffix('K')?.parse::<i64>().ok()?.checked_mul(1024)
    })
}
