//! Writes the small AS and country databases of documentation prefixes that the demo and the tests use.
//!
//! `cargo run --example make-geoip` writes `geoip/documentation-asn.mmdb` and `geoip/documentation-country.mmdb`.
//! The same table gives the same octets, so a change of the table is all there is to review.

use maxminddb_writer::Database;
use maxminddb_writer::metadata::IpVersion;
use maxminddb_writer::paths::IpAddrWithMask;
use serde::Serialize;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

/// Prefix, AS number, name, country.
///
/// Prefixes that belong to nobody (RFC 5737: documentation, RFC 2544: benchmarking, RFC 3849: IPv6 documentation) and
/// AS numbers that belong to nobody (RFC 5398). The countries are real codes, spread so that maps and rankings have
/// something to show; nothing here says anything about a real network.
const TABLE: [(&str, u32, &str, &str); 19] = [
    ("192.0.2.0/24", 64496, "Example Web Services", "US"),
    ("198.51.100.0/24", 64497, "Example Software Updates", "IE"),
    ("203.0.113.0/24", 64498, "Example Bullet-Proof Hosting", "SC"),
    // The benchmarking network in eight parts: what a site talks with all day.
    ("198.18.0.0/18", 64500, "Example Transit", "DE"),
    ("198.18.64.0/18", 64501, "Example Cloud", "US"),
    ("198.18.128.0/18", 64502, "Example CDN", "NL"),
    ("198.18.192.0/18", 64503, "Example Mobile", "IN"),
    ("198.19.0.0/18", 64504, "Example Mining Pool Hosting", "SG"),
    ("198.19.64.0/18", 64505, "Example Broadband", "BR"),
    ("198.19.128.0/18", 65536, "Example University", "JP"),
    ("198.19.192.0/18", 65537, "Example Exchange", "ZA"),
    // The same parties over IPv6, and a range left without an entry (2001:db8:f000::/36).
    ("2001:db8::/36", 64496, "Example Web Services", "US"),
    ("2001:db8:1000::/36", 64500, "Example Transit", "DE"),
    ("2001:db8:2000::/36", 64501, "Example Cloud", "US"),
    ("2001:db8:3000::/36", 64502, "Example CDN", "NL"),
    ("2001:db8:4000::/36", 64503, "Example Mobile", "IN"),
    ("2001:db8:5000::/36", 64504, "Example Mining Pool Hosting", "SG"),
    ("2001:db8:8000::/36", 65550, "Example Research Network", "CH"),
    ("2001:db8:9000::/36", 65551, "Example Satellite", "NZ"),
];

/// 2026-01-01T00:00:00Z: fixed, or the files would differ every time.
const BUILT: u64 = 1_767_225_600;

/// A record of GeoLite2-ASN.
#[derive(Serialize)]
struct SystemRecord {
    autonomous_system_number: u32,
    autonomous_system_organization: &'static str,
}

/// A record of GeoLite2-Country, as far as it is read.
#[derive(Serialize)]
struct CountryRecord {
    country: Country,
}

#[derive(Serialize)]
struct Country {
    iso_code: &'static str,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("geoip");
    for (name, bytes) in [
        ("documentation-asn.mmdb", systems()?),
        ("documentation-country.mmdb", countries()?),
    ] {
        std::fs::write(folder.join(name), &bytes)?;
        println!("geoip/{name}: {} octets", bytes.len());
    }
    Ok(())
}

/// The AS database.
fn systems() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let rows = TABLE.map(|(prefix, number, name, _)| {
        let record = SystemRecord {
            autonomous_system_number: number,
            autonomous_system_organization: name,
        };
        (prefix, record)
    });
    database("Documentation-ASN", "AS numbers of documentation prefixes", rows)
}

/// The country database.
fn countries() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let rows = TABLE.map(|(prefix, .., iso_code)| {
        let country = Country { iso_code };
        (prefix, CountryRecord { country })
    });
    database(
        "Documentation-Country",
        "Countries of documentation prefixes",
        rows,
    )
}

fn database<T: Serialize>(
    kind: &str,
    description: &str,
    rows: impl IntoIterator<Item = (&'static str, T)>,
) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut database = Database::default();
    database.metadata.ip_version = IpVersion::V6;
    // Readers refuse a file without version, age and description.
    database.metadata.binary_format_major_version = 2;
    database.metadata.build_epoch = BUILT;
    database.metadata.database_type = kind.to_owned();
    database.metadata.languages = vec!["en".to_owned()];
    database.metadata.description = [("en".to_owned(), description.to_owned())].into();
    for (prefix, record) in rows {
        let value = database.insert_value(record)?;
        database.insert_node(tree_path(prefix)?, value);
    }
    Ok(database.write_to(Vec::new())?)
}

/// Where a prefix lies in an IPv6 tree: IPv4 in `::/96`, as the format wants it.
fn tree_path(prefix: &str) -> Result<IpAddrWithMask, Box<dyn std::error::Error>> {
    let (address, length) = prefix.split_once('/').ok_or("a prefix needs a length")?;
    let length: u8 = length.parse()?;
    Ok(match address.parse()? {
        IpAddr::V4(v4) => {
            let low = Ipv6Addr::from_bits(u128::from(v4.to_bits()));
            IpAddrWithMask::new(IpAddr::V6(low), 96 + length)
        }
        v6 => IpAddrWithMask::new(v6, length),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidemark::enrich::Origins;
    use tidemark::model::{Networks, Prefix};

    const SYSTEMS: &[u8] = include_bytes!("documentation-asn.mmdb");
    const COUNTRIES: &[u8] = include_bytes!("documentation-country.mmdb");

    #[test]
    fn the_committed_databases_are_what_the_program_writes() {
        assert!(
            systems().unwrap() == SYSTEMS,
            "run `cargo run --example make-geoip`"
        );
        assert!(
            countries().unwrap() == COUNTRIES,
            "run `cargo run --example make-geoip`"
        );
    }

    #[test]
    fn every_prefix_looks_up_as_the_table_says() {
        let origins = Origins::build(Some(SYSTEMS), Some(COUNTRIES), Networks::default()).unwrap();
        for (prefix, asn, name, country) in TABLE {
            let prefix: Prefix = prefix.parse().unwrap();
            for ip in [prefix.first(), prefix.last()] {
                let origin = origins.origin(ip);
                assert_eq!(
                    (origin.asn, origin.country.to_string().as_str()),
                    (asn, country),
                    "{ip}"
                );
            }
            assert_eq!(origins.as_name(asn), Some(name));
        }
        for outside in [
            "192.0.1.255",
            "192.0.3.0",
            "198.17.255.255",
            "198.20.0.0",
            "2001:db8:f000::1",
            "::1",
        ] {
            assert_eq!(origins.origin(outside.parse().unwrap()).asn, 0, "{outside}");
        }
    }

    #[test]
    fn only_numbers_and_prefixes_of_nobody_are_used() {
        let nobody = [
            "192.0.2.0/24",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "198.18.0.0/15",
            "2001:db8::/32",
        ];
        let nobody = nobody.map(|prefix| prefix.parse::<Prefix>().unwrap());
        for (prefix, asn, ..) in TABLE {
            let prefix: Prefix = prefix.parse().unwrap();
            let inside = |all: &Prefix| all.contains(prefix.first()) && all.contains(prefix.last());
            assert!(nobody.iter().any(inside), "{prefix}");
            assert!(matches!(asn, 64_496..=64_511 | 65_536..=65_551), "{asn}");
        }
    }
}
