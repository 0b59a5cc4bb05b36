//! How `healthcheck` finds a running collector and asks it, whatever its configuration: an abstract unix socket whose
//! name holds the PID namespace and the process id. It needs no port, no file and no permission. A container has one
//! PID namespace, so its neighbours in a pod are not asked, though they share the network and its sockets.
//!
//! Whoever connects is told one line, `ready` or `not ready`; nothing is read. Linux alone has such sockets: elsewhere
//! nothing is served and nothing found.

use std::{fs, io, time::Duration};

use sluice_component::health::Health;
use tokio::{
    io::AsyncReadExt,
    net::{UnixListener, UnixStream},
    runtime::Builder,
    task::JoinSet,
};

const READY: &str = "ready\n";
const NOT_READY: &str = "not ready\n";
/// More than any answer.
const LONGEST: u64 = 64;

/// Answers until the value is dropped.
pub(super) fn serve(health: Health) -> JoinSet<()> {
    let mut task = JoinSet::new();
    match prefix().and_then(|prefix| UnixListener::bind(format!("\0{prefix}{}", std::process::id()))) {
        Ok(listener) => {
            task.spawn(answer(listener, health));
        }
        Err(error) => tracing::debug!(%error, "`healthcheck` will need an --endpoint"),
    }
    task
}

async fn answer(listener: UnixListener, health: Health) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let line = if health.ready_since().is_some() { READY } else { NOT_READY };
                // A new socket has room for a line. Whoever went away does not need it.
                let _gone = stream.try_write(line.as_bytes());
            }
            // No file descriptor is left: some will be again.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// The process ids of the collectors of this PID namespace.
pub(super) fn running() -> Vec<u32> {
    let listed = prefix().and_then(|prefix| Ok((prefix, fs::read_to_string("/proc/net/unix")?)));
    listed.map(|(prefix, table)| listening(&table, &prefix)).unwrap_or_default()
}

/// Whether the collector with this process id is ready.
pub(super) fn ask(pid: u32, limit: Duration) -> io::Result<bool> {
    let name = format!("\0{}{pid}", prefix()?);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let asked = async {
        let mut line = String::new();
        UnixStream::connect(name).await?.take(LONGEST).read_to_string(&mut line).await?;
        Ok(line == READY)
    };
    runtime.block_on(async { tokio::time::timeout(limit, asked).await })?
}

/// What all names of this PID namespace begin with.
fn prefix() -> io::Result<String> {
    let namespace = fs::read_link("/proc/self/ns/pid")?;
    Ok(format!("sluice/{}/", namespace.display()))
}

/// The process ids behind `prefix` in `/proc/net/unix`: number, references, protocol, flags, type, state, inode, name.
fn listening(table: &str, prefix: &str) -> Vec<u32> {
    const LISTENS: &str = "00010000";
    let names = table.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(3);
        (fields.next() == Some(LISTENS)).then(|| fields.nth(3))?
    });
    names.filter_map(|name| name.strip_prefix('@')?.strip_prefix(prefix)?.parse().ok()).collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn listeners_of_this_namespace_are_found() {
        let table = "Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 20 @sluice/pid:[1]/7\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 21 @sluice/pid:[1]/8\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 22 @sluice/pid:[2]/9\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 23 /run/x.sock\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 24\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 25 @sluice/pid:[1]/x\n";
        assert_eq!(listening(table, "sluice/pid:[1]/"), [7]);
    }

    #[test]
    fn the_answer_follows_the_board() {
        let health = Health::default();
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let serving = runtime.block_on(async { serve(health.clone()) });
        let (pid, limit) = (std::process::id(), Duration::from_secs(30));
        assert!(running().contains(&pid));
        assert!(!ask(pid, limit).unwrap());
        health.set_ready(true);
        assert!(ask(pid, limit).unwrap());
        drop(serving);
        drop(runtime);
        assert!(ask(pid, limit).is_err());
    }
}
