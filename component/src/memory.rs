//! How much memory the process may take, and how much it takes.

use std::{fs, path::Path};

/// Bytes that the process may use: the tightest limit of its cgroups (v1 or v2) and of the machine's physical
/// memory. `None` where the platform does not say, which is everywhere but on Linux.
#[must_use]
pub fn total() -> Option<u64> {
    total_below(Path::new("/"))
}

/// Bytes of the process that are in physical memory now. `None` where the platform does not say. Reads a small
/// file below `/proc`, some ten microseconds.
#[must_use]
pub fn resident() -> Option<u64> {
    kib_line(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

fn total_below(root: &Path) -> Option<u64> {
    let physical =
        fs::read_to_string(root.join("proc/meminfo")).ok().and_then(|text| kib_line(&text, "MemTotal:"));
    physical.into_iter().chain(cgroup_limits(root)).min()
}

/// The limits of the process's cgroup and of those around it.
fn cgroup_limits(root: &Path) -> Vec<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mut limits = Vec::new();
    for line in groups.lines() {
        // hierarchy:controllers:path
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (mount, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            list if list.split(',').any(|name| name == "memory") => {
                ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        // Inside a container the path may be that of the host, while only the container's own group is
        // mounted, at the top: so each directory on the way up is tried.
        for group in Path::new(path.trim_start_matches('/')).ancestors() {
            let limit = fs::read_to_string(root.join(mount).join(group).join(file));
            limits.extend(limit.ok().and_then(|text| text.trim().parse::<u64>().ok()));
        }
    }
    limits
}

/// The bytes in a line such as `VmRSS:   1234 kB`.
fn kib_line(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(files: &[(&str, &str)]) -> std::path::PathBuf {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("sluice-memory-{}-{number}", std::process::id()));
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn total_of(files: &[(&str, &str)]) -> Option<u64> {
        let root = root(files);
        let total = total_below(&root);
        fs::remove_dir_all(root).unwrap();
        total
    }

    const MACHINE: (&str, &str) = ("proc/meminfo", "MemTotal:       1048576 kB\nMemFree: 1 kB\n");

    #[test]
    fn without_a_cgroup_it_is_the_machines_memory() {
        assert_eq!(total_of(&[MACHINE]), Some(1 << 30));
    }

    #[test]
    fn the_tightest_cgroup_on_the_way_up_holds() {
        let files = [
            MACHINE,
            ("proc/self/cgroup", "0::/pods/a\n"),
            ("sys/fs/cgroup/pods/memory.max", "268435456\n"),
            ("sys/fs/cgroup/pods/a/memory.max", "max\n"),
        ];
        assert_eq!(total_of(&files), Some(256 << 20));
    }

    #[test]
    fn a_container_that_sees_the_hosts_path_finds_its_own_limit_at_the_top() {
        let files = [
            MACHINE,
            ("proc/self/cgroup", "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "67108864\n"),
        ];
        assert_eq!(total_of(&files), Some(64 << 20));
    }

    #[test]
    fn version_1s_no_limit_is_no_limit() {
        let files = [
            MACHINE,
            ("proc/self/cgroup", "4:memory:/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ];
        assert_eq!(total_of(&files), Some(1 << 30));
    }

    #[test]
    fn nothing_to_read_is_nothing_known() {
        assert_eq!(total_of(&[("proc/other", "")]), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_resident_within_its_total() {
        assert!(resident().unwrap() > 0);
        assert!(resident() <= total());
    }
}
