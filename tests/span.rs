//! Packets on a wire: several interfaces with filters of their own, and more packets than the kernel's buffer holds.
#![allow(clippy::unwrap_used)]

#[path = "common/daemon.rs"]
#[allow(dead_code)]
mod daemon;
#[path = "common/net.rs"]
mod net;
#[path = "common/parts.rs"]
mod parts;
#[path = "common/samples.rs"]
#[allow(dead_code)]
mod samples;

use daemon::{Daemon, Home};
use net::{Net, may, not_ip, replayed};
use parts::{CONFIG, Flows, Sum, drill, total};

#[test]
fn two_interfaces_with_filters_of_their_own_give_what_passes_them_and_nothing_else() {
    if !may(&["ip", "tcpreplay"]) {
        return;
    }
    let Some(net) = Net::new("two") else { return };
    let home = Home::new(&format!(
        "{CONFIG}[[capture]]\ninterface = \"tap1\"\nfilter = \"tcp\"\n\
         [[capture]]\ninterface = \"tap3\"\nfilter = \"udp port 53\"\n"
    ));
    let capture = drill(&home, 2);
    let flows = Flows::of(&capture, "packets");
    let (tcp, dns) = (
        flows.only(|line| line[6] == "6"),
        flows.only(|line| line[4] == "53" || line[5] == "53"),
    );
    let mut daemon = Daemon::start(net.command(&home.command()));
    daemon.says(&["ready"]);
    for interface in ["tap0", "tap2"] {
        replayed(&net, interface, &capture, &["-t"]);
    }
    let both = Sum {
        packets: tcp.total().packets + dns.total().packets,
        bytes: tcp.total().bytes + dns.total().bytes,
    };
    assert_eq!(daemon.counts("packets", both.packets), both.packets);
    let summary = daemon.stops();
    assert_eq!(total(&summary), both, "{summary}");
    assert_eq!(not_ip(&summary), 0);
}

#[test]
fn what_an_interface_drops_is_counted_and_the_sum_is_what_was_sent() {
    if !may(&["ip", "tcpreplay"]) {
        return;
    }
    let Some(net) = Net::new("drops") else { return };
    let home = Home::new(&format!(
        "{CONFIG}[[capture]]\ninterface = \"tap1\"\nbuffer = \"1MiB\"\n"
    ));
    let capture = drill(&home, 2);
    let mut daemon = Daemon::start(net.command(&home.command()));
    daemon.says(&["ready"]);
    daemon.signal("STOP");
    let sent = replayed(&net, "tap0", &capture, &["-t", "--loop=5"]);
    daemon.signal("CONT");
    daemon.says(&["warn", "were dropped: its buffer was full"]);
    daemon.counts_sum(&["packets", "kernel_drops", "interface_drops"], sent);
    let summary = daemon.stops();
    let count = |name: &str| summary["dropped"][name].as_u64().unwrap_or(0);
    let dropped = count("kernel_drops") + count("interface_drops");
    assert!(dropped > 0);
    let taken = summary["packets"].as_u64().unwrap() + not_ip(&summary);
    assert_eq!(taken + dropped, sent, "{summary}");
}
