//! Who is who: the hosts of Example Corp, the names of the world outside, and where its clients live.
//!
//! Only addresses reserved for documentation (RFC 5737, RFC 3849) and benchmarking (RFC 2544) stand outside; the
//! generated AS database in `geoip/` knows the same prefixes.

use super::rng::{Rng, mix};
use crate::model::{Ip, Prefix};

/// Dual-stack workstations use this prefix.
pub(super) const OURS_V6: u128 = 0x2001_0db8_0020 << 80;

/// Our networks.
pub(super) fn ours() -> Vec<Prefix> {
    vec![
        Prefix::new(ours_v4(0, 0), 16),
        Prefix::new(Ip::from_bits(OURS_V6), 48),
    ]
}

/// 10.20.`subnet`.`host`.
pub(super) const fn ours_v4(subnet: u8, host: u8) -> Ip {
    Ip::from_v4_octets([10, 20, subnet, host])
}

/// A server of ours.
const fn server(host: u8) -> Ip {
    ours_v4(10, host)
}

/// Translates the addresses of guests, and ends the tunnels of remote workers.
pub(super) const NAT: Ip = server(1);
/// Forwards web requests.
pub(super) const PROXY: Ip = server(2);
/// File server.
pub(super) const FILES: Ip = server(11);
/// Build service.
pub(super) const BUILD: Ip = server(22);
/// Mail server.
pub(super) const MAIL: Ip = server(25);
/// Database.
pub(super) const DATABASE: Ip = server(30);
/// Application servers, the clients of the database.
pub(super) const APPLICATIONS: [Ip; 3] = [server(31), server(32), server(33)];
/// Takes results and progress reports from the workers.
pub(super) const AGGREGATOR: Ip = server(40);
/// DNS resolver.
pub(super) const RESOLVER: Ip = server(53);
/// Polls the others.
pub(super) const MONITOR: Ip = server(60);
/// Takes logs.
pub(super) const LOGS: Ip = server(61);
/// Takes the heartbeats of every host.
pub(super) const INVENTORY: Ip = server(62);
/// Keeps copies.
pub(super) const BACKUP: Ip = server(70);
/// Public web server.
pub(super) const WEB: Ip = server(80);
/// Log-in host.
pub(super) const SHELL: Ip = server(90);

/// All servers.
pub(super) const SERVERS: [Ip; 16] = [
    NAT,
    PROXY,
    FILES,
    BUILD,
    MAIL,
    DATABASE,
    APPLICATIONS[0],
    APPLICATIONS[1],
    APPLICATIONS[2],
    AGGREGATOR,
    RESOLVER,
    MONITOR,
    LOGS,
    BACKUP,
    WEB,
    SHELL,
];

/// How many workstations there are.
pub(super) const WORKSTATIONS: u8 = 60;
/// How many workers compute for the aggregator.
pub(super) const WORKERS: u8 = 50;

/// A workstation by number, below [`WORKSTATIONS`].
pub(super) const fn workstation(number: u8) -> Ip {
    ours_v4(1 + number / 30, 10 + number % 30)
}

/// The IPv6 address of a workstation; every third has one.
pub(super) fn workstation_v6(number: u8) -> Option<Ip> {
    let [_, _, subnet, host] = workstation(number).as_v4()?.to_be_bytes();
    let bits = OURS_V6 | u128::from(subnet) << 64 | u128::from(host);
    number.is_multiple_of(3).then_some(Ip::from_bits(bits))
}

/// A worker by number, below [`WORKERS`].
pub(super) const fn worker(number: u8) -> Ip {
    ours_v4(50, 11 + number)
}

/// Serves the names of the outside.
pub(super) const AUTHORITY: Ip = Ip::from_v4_octets([192, 0, 2, 53]);
/// Time servers outside.
pub(super) const TIME: [Ip; 2] = [
    Ip::from_v4_octets([192, 0, 2, 123]),
    Ip::from_v4_octets([198, 51, 100, 123]),
];

/// A name of the world outside and where it leads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    /// DNS name.
    pub name: &'static str,
    v4: [u8; 4],
    /// Whether it is reached over IPv6 too.
    six: bool,
}

/// A name reached over IPv4 only.
pub(super) const fn site(name: &'static str, v4: [u8; 4]) -> Site {
    Site { name, v4, six: false }
}

const fn dual(name: &'static str, v4: [u8; 4]) -> Site {
    Site { name, v4, six: true }
}

impl Site {
    /// Its IPv4 address.
    pub(super) const fn v4(&self) -> Ip {
        Ip::from_v4_octets(self.v4)
    }

    /// Its IPv6 address: the IPv4 address inside 2001:db8:f000::/48.
    pub(super) fn v6(&self) -> Option<Ip> {
        let bits = 0x2001_0db8_f000 << 80 | u128::from(u32::from_be_bytes(self.v4));
        self.six.then_some(Ip::from_bits(bits))
    }

    /// Its addresses.
    pub(super) fn addresses(&self) -> Vec<Ip> {
        std::iter::once(self.v4()).chain(self.v6()).collect()
    }
}

/// The programming interface with a quota.
pub(super) const QUOTA: Site = site("api.quota.example", [203, 0, 113, 10]);
/// Where updates come from.
pub(super) const UPDATES: Site = site("updates.os.example", [198, 18, 5, 20]);
/// Where other people's mail goes.
pub(super) const MAIL_PEERS: [Site; 3] = [
    site("mx.partner.example", [192, 0, 2, 25]),
    site("mx1.bigmail.example", [198, 18, 70, 25]),
    site("mx.supplier.example", [198, 19, 70, 25]),
];

/// Web sites, most visited first.
pub(super) const SITES: [Site; 32] = [
    dual("www.search.example", [198, 18, 1, 10]),
    dual("cdn.static.example", [198, 51, 100, 20]),
    dual("www.office.example", [198, 18, 64, 11]),
    site("chat.office.example", [198, 18, 64, 12]),
    site("fonts.static.example", [198, 51, 100, 21]),
    dual("www.news.example", [198, 18, 2, 30]),
    site("files.office.example", [198, 18, 64, 13]),
    site("metrics.web.example", [203, 0, 113, 40]),
    site("code.forge.example", [198, 18, 65, 20]),
    dual("img.news.example", [198, 51, 100, 22]),
    site("www.wiki.example", [198, 18, 3, 14]),
    site("maps.search.example", [198, 18, 1, 15]),
    site("www.shop.example", [198, 18, 66, 31]),
    site("img.shop.example", [198, 51, 100, 30]),
    site("meet.office.example", [198, 18, 64, 14]),
    site("www.bank.example", [203, 0, 113, 60]),
    site("crm.sales.example", [198, 18, 67, 8]),
    site("pkg.forge.example", [198, 51, 100, 40]),
    dual("www.weather.example", [198, 18, 4, 9]),
    site("www.travel.example", [198, 18, 66, 90]),
    site("api.sales.example", [198, 18, 67, 9]),
    site("www.jobs.example", [198, 18, 128, 21]),
    site("forum.garden.example", [198, 19, 66, 5]),
    site("www.city.example", [203, 0, 113, 80]),
    site("tax.state.example", [203, 0, 113, 90]),
    site("www.radio.example", [198, 18, 192, 17]),
    site("blog.metal.example", [198, 19, 67, 44]),
    site("www.parts.example", [198, 19, 3, 12]),
    site("docs.tools.example", [198, 18, 65, 33]),
    site("www.library.example", [198, 19, 1, 70]),
    site("ads.web.example", [203, 0, 113, 41]),
    site("www.recipes.example", [198, 19, 68, 6]),
];

/// A site, popular ones more often: half of the visits go to the first eight.
pub(super) fn popular_site(rng: &mut Rng) -> &'static Site {
    let end = *rng.pick(&[8, 8, 16, 32]);
    &SITES[rng.below(end) as usize]
}

/// The first 16 bits of 198.18.0.0/15, split into eight parts of /18, one AS each.
pub(super) const fn benchmark(part: u32, host: u32) -> Ip {
    Ip::v4(0xc612_0000 | (part & 7) << 14 | host & 0x3fff)
}

/// A client from outside: mostly of the three access networks, sometimes from anywhere. A tenth of the picks come
/// from many addresses, the rest from two hundred regular ones.
pub(super) fn outside_client(rng: &mut Rng) -> Ip {
    let part = *rng.pick(&[2, 2, 2, 3, 3, 3, 4, 4, 0, 5]);
    if rng.chance(0.1) {
        return benchmark(part, rng.between(256, 0x3f00) as u32);
    }
    let regular = mix(rng.below(200) << 3 | u64::from(part));
    benchmark(part, 256 + (regular % 0x3c00) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_outside_has_an_address_that_could_be_somebodys() {
        let reserved: Vec<Prefix> = [
            "192.0.2.0/24",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "198.18.0.0/15",
        ]
        .iter()
        .chain(&["2001:db8::/32"])
        .map(|prefix| prefix.parse().unwrap())
        .collect();
        let mut rng = Rng::new(3, "test");
        let clients: Vec<Ip> = (0..1000).map(|_| outside_client(&mut rng)).collect();
        let sites = SITES.iter().chain(&MAIL_PEERS).chain([&QUOTA, &UPDATES]);
        let all = sites
            .flat_map(Site::addresses)
            .chain(clients)
            .chain([AUTHORITY])
            .chain(TIME);
        for ip in all {
            assert!(reserved.iter().any(|prefix| prefix.contains(ip)), "{ip}");
            assert!(!ours().iter().any(|prefix| prefix.contains(ip)), "{ip}");
        }
    }

    #[test]
    fn no_two_names_share_an_address() {
        let mut seen = std::collections::BTreeSet::new();
        for site in SITES.iter().chain(&MAIL_PEERS).chain([&QUOTA, &UPDATES]) {
            assert!(
                site.addresses().into_iter().all(|ip| seen.insert(ip)),
                "{}",
                site.name
            );
        }
    }
}
