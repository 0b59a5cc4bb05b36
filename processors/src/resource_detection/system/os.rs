//! The operating system, and the machine's id.

use crate::resource_detection::{machine::Machine, value::Attributes};

/// `os.type`, from Rust's word for it.
pub(super) fn type_(os: &'static str) -> &'static str {
    match os {
        "macos" => "darwin",
        "dragonfly" => "dragonflybsd",
        os => os,
    }
}

/// `host.arch`, from Rust's word for it.
pub(super) fn arch(arch: &'static str) -> &'static str {
    match arch {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        arch => arch,
    }
}

/// `host.id`: the machine-id of systemd or D-Bus.
pub(super) fn host_id(machine: &Machine) -> Option<String> {
    ["/etc/machine-id", "/var/lib/dbus/machine-id"].into_iter().find_map(|path| machine.line(path))
}

/// `os.name`, `os.version`, `os.build.id` of os-release, and `os.description`: its pretty name and the kernel's.
pub(super) fn describe(machine: &Machine, found: &mut Attributes) {
    let files = ["/etc/os-release", "/usr/lib/os-release"];
    let release = files.into_iter().find_map(|path| machine.read(path).ok()).unwrap_or_default();
    let field =
        |name: &str| release.lines().find_map(|line| value(line, name)).filter(|value| !value.is_empty());
    found.add_if("os.name", field("NAME"));
    found.add_if("os.version", field("VERSION_ID"));
    found.add_if("os.build.id", field("BUILD_ID"));
    let uname = rustix::system::uname();
    let parts = [uname.sysname(), uname.nodename(), uname.release(), uname.version(), uname.machine()];
    let kernel = parts.map(|part| part.to_string_lossy()).join(" ");
    let pretty =
        field("PRETTY_NAME").or_else(|| Some(format!("{} {}", field("NAME")?, field("VERSION_ID")?)));
    found.add("os.description", pretty.map_or_else(|| kernel.clone(), |name| format!("{name} ({kernel})")));
}

/// The value of a line `name=value`, in quotes or not.
fn value(line: &str, name: &str) -> Option<String> {
    let value = line.trim().strip_prefix(name)?.strip_prefix('=')?;
    let quoted = |quote| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
    Some(quoted('"').or_else(|| quoted('\'')).unwrap_or(value).to_owned())
}
