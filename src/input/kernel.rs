//! What the kernel says of our UDP sockets: what waits in their buffers, and what it dropped because they were full.

use std::collections::BTreeMap;
use std::{fs, io};

/// How a socket stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Octets that wait to be received, with the kernel's own headers.
    pub waiting: u64,
    /// Datagrams dropped since it was opened.
    pub drops: u64,
}

/// How the UDP sockets of this network namespace stand, by inode.
///
/// # Errors
///
/// Neither table can be read: this is no Linux, or `/proc` is hidden.
pub fn standings() -> io::Result<BTreeMap<u64, Standing>> {
    let mut all = BTreeMap::new();
    let mut read = false;
    for table in ["udp", "udp6"] {
        if let Ok(text) = fs::read_to_string(format!("/proc/net/{table}")) {
            read = true;
            all.extend(text.lines().skip(1).filter_map(standing));
        }
    }
    if read {
        Ok(all)
    } else {
        Err(io::Error::new(
            io::ErrorKind::NotFound,
            "/proc/net/udp cannot be read",
        ))
    }
}

/// One line of the table (`udp4_seq_show` in the kernel): the fifth column is `tx_queue:rx_queue` in hexadecimal, the
/// tenth the inode, the last the drops.
fn standing(line: &str) -> Option<(u64, Standing)> {
    let columns: Vec<&str> = line.split_ascii_whitespace().collect();
    let (_, waiting) = columns.get(4)?.split_once(':')?;
    let inode = columns.get(9)?.parse().ok()?;
    let standing = Standing {
        waiting: u64::from_str_radix(waiting, 16).ok()?,
        drops: columns.get(12)?.parse().ok()?,
    };
    Some((inode, standing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_is_read() {
        let line = " 1234: 00000000:0807 00000000:0000 07 00000000:00000F00 00:00000000 00000000   107        0 \
                    31337 2 0000000000000000 42";
        let standing_of = |waiting, drops| Standing { waiting, drops };
        assert_eq!(standing(line), Some((31_337, standing_of(3840, 42))));
        assert_eq!(standing("  sl  local_address rem_address"), None);
    }

    #[test]
    fn our_own_socket_is_in_the_table() {
        let wish = super::super::udp::Wish {
            address: "127.0.0.1:0".parse().unwrap(),
            buffer: 1 << 16,
            shared: false,
        };
        let listener = super::super::udp::Listener::open(wish).unwrap();
        let inode = listener.inode().unwrap();
        assert_eq!(standings().unwrap().get(&inode), Some(&Standing::default()));
    }
}
