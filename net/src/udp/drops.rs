//! The kernel's count of packets that it had to drop on a socket.

use std::{fs::File, io, net::UdpSocket, os::fd::OwnedFd};

/// Reads the `drops` column of one socket in `/proc/net/udp` or `udp6`. That is the counter that `SO_RXQ_OVFL` shows as
/// well, but there a drop is only seen with the next packet that comes through.
#[derive(Debug)]
pub(super) struct KernelDrops {
    table: &'static str,
    inode: u64,
    seen: u32,
}

impl KernelDrops {
    /// The counter of `socket`; `None` where the system has none that can be read.
    pub(super) fn of(socket: &UdpSocket) -> Option<Self> {
        let table = match socket.local_addr().ok()?.is_ipv4() {
            true => "/proc/self/net/udp",
            false => "/proc/self/net/udp6",
        };
        let mut drops = Self { table, inode: inode(socket).ok()?, seen: 0 };
        drops.seen = drops.read()?;
        Some(drops)
    }

    /// Drops since the last call. Reads a file of a line per UDP socket.
    pub(super) fn since(&mut self) -> usize {
        let Some(now) = self.read() else { return 0 };
        // The kernel's counter has 32 bits and goes round.
        let more = now.wrapping_sub(self.seen);
        self.seen = now;
        usize::try_from(more).unwrap_or(usize::MAX)
    }

    fn read(&self) -> Option<u32> {
        find(&std::fs::read_to_string(self.table).ok()?, self.inode)
    }
}

fn inode(socket: &UdpSocket) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    Ok(File::from(OwnedFd::from(socket.try_clone()?)).metadata()?.ino())
}

/// The last column of the line whose tenth is `inode`. The kernel prints the counter as a signed number.
fn find(table: &str, inode: u64) -> Option<u32> {
    table.lines().skip(1).find_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let of: u64 = columns.nth(9)?.parse().ok()?;
        let drops: i64 = columns.last()?.parse().ok()?;
        (of == inode).then(|| u32::try_from(drops & i64::from(u32::MAX)).ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops             
 2345: 0100007F:1AAF 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 181 2 0000000000000000 17
 2346: 0100007F:1AB0 00000000:0000 07 00000000:00000A00 00:00000000 00000000     0        0 182 2 0000000000000000 -1
";

    #[test]
    fn the_line_is_found_by_its_inode() {
        assert_eq!(find(TABLE, 181), Some(17));
        assert_eq!(find(TABLE, 182), Some(u32::MAX));
        assert_eq!(find(TABLE, 18), None);
        assert_eq!(find("", 181), None);
    }
}
