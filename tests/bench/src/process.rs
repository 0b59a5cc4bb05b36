//! Child processes that never outlive the run, and what the kernel says of their CPU time and memory.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::Failure;

/// A child that is killed when this is dropped.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Result<Self, Failure> {
        let child = command.spawn();
        child.map(Self).map_err(|error| format!("cannot start {:?}: {error}", command.get_program()).into())
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// User and system time so far.
    pub(crate) fn cpu(&self) -> Result<Duration, Failure> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        parse_cpu(&stat).ok_or_else(|| "unexpected /proc/<pid>/stat".into())
    }

    /// Resident memory in bytes, now (`VmRSS`) or at its highest (`VmHWM`).
    pub(crate) fn memory(&self, field: &str) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        parse_memory(&status, field).ok_or_else(|| format!("no {field} in /proc/<pid>/status").into())
    }

    /// Waits until `address` accepts connections, and returns how long that took.
    pub(crate) fn wait_ready(&mut self, address: SocketAddr, limit: Duration) -> Result<Duration, Failure> {
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = self.0.try_wait()? {
                return Err(format!("ended before it was ready: {status}").into());
            }
            if began.elapsed() > limit {
                return Err(format!("not ready on {address} after {limit:?}").into());
            }
            thread::sleep(Duration::from_micros(500));
        }
        Ok(began.elapsed())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing can be done about a child that cannot be killed, and one that has ended is what we want.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A command that talks to us over pipes and keeps its complaints on our stderr.
pub(crate) fn piped(program: &std::path::Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// A loopback address that was free a moment ago.
pub(crate) fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn parse_cpu(stat: &str) -> Option<Duration> {
    /// `USER_HZ`, which is the same on every Linux that we support.
    const TICKS_PER_SECOND: u64 = 100;
    // The name in parentheses may contain anything; user and system time are the 12th and 13th field behind it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map_while(|field| field.parse::<u64>().ok());
    let ticks = times.next()? + times.next()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

fn parse_memory(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_a_name_with_spaces_and_parentheses() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 3 0 1 2 3";
        assert_eq!(parse_cpu(stat), Some(Duration::from_secs(2)));
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(parse_memory(status, "VmHWM"), Some(2 << 20));
        assert_eq!(parse_memory(status, "VmRSS"), Some(1 << 20));
    }
}
