//! What the databases promise: right answers, clear refusals, bounded work.

use super::*;
use proptest::prelude::*;
use std::path::PathBuf;
use std::time::Instant;

fn ip(text: &str) -> Ip {
    text.parse().unwrap()
}

/// A database of the evaluation set that may lie beside the repository.
fn shared(path: &str) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/eval/mmdb");
    let found = root.join(path);
    if !found.exists() {
        println!("SKIPPED: {} is not there", found.display());
    }
    found.exists().then_some(found)
}

fn systems_of(bytes: &[u8]) -> Result<Origins, EnrichError> {
    Origins::build(Some(bytes), None, Networks::default())
}

fn countries_of(bytes: &[u8]) -> Result<Origins, EnrichError> {
    Origins::build(None, Some(bytes), Networks::default())
}

#[derive(serde::Serialize)]
struct AsRow<'a> {
    autonomous_system_number: u32,
    autonomous_system_organization: &'a str,
}

#[derive(serde::Serialize)]
struct CountryRow<'a> {
    country: IsoCode<'a>,
}

#[derive(serde::Serialize)]
struct IsoCode<'a> {
    iso_code: &'a str,
}

/// A database of an IPv6 tree; IPv4 prefixes go where the format keeps them, in `::/96`.
fn database<T: serde::Serialize>(kind: &str, rows: &[(&str, T)]) -> Vec<u8> {
    use maxminddb_writer::{Database, metadata::IpVersion, paths::IpAddrWithMask};
    let mut database = Database::default();
    database.metadata.ip_version = IpVersion::V6;
    database.metadata.binary_format_major_version = 2;
    database.metadata.build_epoch = 1_700_000_000;
    database.metadata.database_type = kind.to_owned();
    database.metadata.description = [("en".to_owned(), "for a test".to_owned())].into();
    for (prefix, value) in rows {
        let prefix: crate::model::Prefix = prefix.parse().unwrap();
        let (bits, length) = match prefix.first().as_v4() {
            Some(bits) => (u128::from(bits), 96 + prefix.length()),
            None => (prefix.first().bits(), prefix.length()),
        };
        let value = database.insert_value(value).unwrap();
        let path = IpAddrWithMask::new(std::net::Ipv6Addr::from_bits(bits).into(), length);
        database.insert_node(path, value);
    }
    database.write_to(Vec::new()).unwrap()
}

fn row(number: u32) -> AsRow<'static> {
    AsRow {
        autonomous_system_number: number,
        autonomous_system_organization: "Example",
    }
}

#[test]
fn both_databases_answer_in_one_look_up() {
    let systems = database(
        "GeoLite2-ASN",
        &[
            ("192.0.2.0/24", row(64_500)),
            ("198.51.100.0/25", row(64_501)),
            ("2001:db8::/32", row(64_502)),
        ],
    );
    let de = CountryRow {
        country: IsoCode { iso_code: "DE" },
    };
    let countries = database("GeoLite2-Country", &[("192.0.2.128/25", de)]);
    let origins = Origins::build(Some(&systems), Some(&countries), Networks::default()).unwrap();
    for (address, asn, country) in [
        ("192.0.1.255", 0, "??"),
        ("192.0.2.0", 64_500, "??"),
        ("192.0.2.127", 64_500, "??"),
        ("192.0.2.128", 64_500, "DE"),
        ("192.0.2.255", 64_500, "DE"),
        ("192.0.3.0", 0, "??"),
        ("198.51.100.127", 64_501, "??"),
        ("198.51.100.128", 0, "??"),
        ("0.0.0.0", 0, "??"),
        ("255.255.255.255", 0, "??"),
        ("2001:db7:ffff::1", 0, "??"),
        ("2001:db8::", 64_502, "??"),
        ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 64_502, "??"),
        ("2001:db9::", 0, "??"),
        ("2002:c000:02ff::1", 64_500, "DE"),
        ("64:ff9b::192.0.2.1", 64_500, "??"),
        ("::192.0.2.1", 0, "??"),
        ("::ffff:192.0.2.1", 64_500, "??"),
    ] {
        let origin = origins.origin(ip(address));
        assert_eq!(
            (origin.asn, origin.country.to_string().as_str()),
            (asn, country),
            "{address}"
        );
    }
    assert_eq!(origins.as_name(64_501), Some("Example"));
    assert_eq!(origins.as_name(64_999), None);
    let loaded: Vec<_> = origins
        .databases()
        .iter()
        .map(|d| (d.purpose, d.kind.as_str(), d.networks))
        .collect();
    assert_eq!(
        loaded,
        [
            (Purpose::As, "GeoLite2-ASN", 3),
            (Purpose::Country, "GeoLite2-Country", 1)
        ]
    );
    assert_eq!(origins.databases()[0].built.to_string(), "2023-11-14T22:13:20Z");
}

#[test]
fn without_databases_only_the_networks_are_known() {
    let origins = Origins::new(Networks::new(&["192.0.2.0/24".parse().unwrap()]));
    assert!(origins.origin(ip("192.0.2.9")).internal && !origins.origin(ip("10.0.0.1")).internal);
    assert_eq!(origins.origin(ip("2001:db8::1")), Origin::default());
    assert_eq!(origins.memory(), 0);
}

#[test]
fn a_database_of_another_kind_is_refused_by_name() {
    let countries = database(
        "GeoLite2-Country",
        &[(
            "192.0.2.0/24",
            CountryRow {
                country: IsoCode { iso_code: "DE" },
            },
        )],
    );
    assert_eq!(
        systems_of(&countries).unwrap_err().to_string(),
        "the AS database (type `GeoLite2-Country`) holds no AS numbers (`autonomous_system_number` or `asn`): \
         its records have `country`"
    );
    let systems = database("GeoLite2-ASN", &[("192.0.2.0/24", row(64_500))]);
    assert_eq!(
        countries_of(&systems).unwrap_err().to_string(),
        "the country database (type `GeoLite2-ASN`) holds no countries (`country.iso_code`, `country_code` or \
         `country`): its records have `autonomous_system_number`, `autonomous_system_organization`"
    );
    let text = database("text", &[("192.0.2.0/24", "just text")]);
    let error = systems_of(&text).unwrap_err().to_string();
    assert!(error.contains("another form (at 192.0.2.0/24)"), "{error}");
    let error = systems_of(b"no database at all").unwrap_err().to_string();
    assert!(
        error.starts_with("the AS database is damaged or no MaxMind DB: "),
        "{error}"
    );
}

#[test]
fn equal_neighbours_are_one_range() {
    let rows: Vec<(String, AsRow<'_>)> = (0..=255)
        .map(|i| (format!("10.0.{i}.0/24"), row(64_500)))
        .collect();
    let rows: Vec<(&str, AsRow<'_>)> = rows
        .iter()
        .map(|(p, r)| (p.as_str(), row(r.autonomous_system_number)))
        .collect();
    let (flat, _) = database::systems(&database("GeoLite2-ASN", &rows)).unwrap();
    let start = ip("10.0.0.0").as_v4().unwrap();
    assert_eq!(flat.v4, [(0, 0), (start, 64_500), (start + 0x1_0000, 0)]);
}

#[test]
fn every_damaged_database_is_refused() {
    let Some(folder) = shared("broken") else { return };
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for result in [systems_of(&bytes), countries_of(&bytes)] {
            let error = result
                .map(|_| ())
                .expect_err(&path.display().to_string())
                .to_string();
            println!("{}: {error}", path.file_name().unwrap().display());
            assert!(error.starts_with("the AS database") || error.starts_with("the country database"));
        }
        count += 1;
    }
    assert!(count > 10);
}

#[test]
fn a_tree_whose_branches_meet_again_is_refused_at_once() {
    let mut bytes = database("GeoLite2-ASN", &[("2001:db8::1/128", row(64_500))]);
    // 128 nodes of two 3-octet records, one of which is empty (128, the number of nodes). With both leading to the
    // same place there are 2^128 ways through.
    for node in bytes[..128 * 6].chunks_exact_mut(6) {
        let (left, right) = node.split_at_mut(3);
        if left == [0, 0, 128] {
            left.copy_from_slice(right);
        } else {
            assert_eq!(right, [0, 0, 128]);
            right.copy_from_slice(left);
        }
    }
    let error = systems_of(&bytes).unwrap_err().to_string();
    assert!(error.contains("cycle or invalid structure"), "{error}");
}

#[test]
fn the_forms_of_several_publishers_are_read() {
    let cases = [
        ("test-data/GeoLite2-ASN-Test.mmdb", "1.128.0.1", Some(1221), None),
        (
            "test-data/GeoLite2-ASN-Test.mmdb",
            "2600:6000::1",
            Some(237),
            None,
        ),
        ("test-data/GeoIP2-ISP-Test.mmdb", "1.128.0.1", Some(1221), None),
        (
            "test-data/GeoLite2-Country-Test.mmdb",
            "81.2.69.160",
            None,
            Some("GB"),
        ),
        (
            "test-data/GeoLite2-City-Test.mmdb",
            "89.160.20.128",
            None,
            Some("SE"),
        ),
        (
            "test-data/GeoIP2-Country-Test.mmdb",
            "2001:218::1",
            None,
            Some("JP"),
        ),
        (
            "other-schema/ipinfo_asn_sample.mmdb",
            "2804:7164::1",
            Some(270_786),
            None,
        ),
        (
            "other-schema/ipinfo_lite_sample.mmdb",
            "1.0.0.1",
            Some(13_335),
            Some("AU"),
        ),
        (
            "other-schema/ipinfo_location_sample.mmdb",
            "1.0.82.56",
            None,
            Some("JP"),
        ),
    ];
    for (path, address, asn, country) in cases {
        let Some(path) = shared(path) else { return };
        let bytes = std::fs::read(&path).unwrap();
        if let Some(asn) = asn {
            let origins = systems_of(&bytes).unwrap();
            assert_eq!(origins.origin(ip(address)).asn, asn, "{}", path.display());
            assert!(origins.as_name(asn).is_some(), "{}", path.display());
        }
        if let Some(country) = country {
            let found = countries_of(&bytes).unwrap().origin(ip(address)).country;
            assert_eq!(found.to_string(), country, "{}", path.display());
        }
    }
}

#[test]
fn aliases_of_ipv4_do_not_multiply_ranges() {
    let Some(path) = shared("test-data/GeoLite2-ASN-Test.mmdb") else {
        return;
    };
    let bytes = std::fs::read(path).unwrap();
    let (flat, _) = database::systems(&bytes).unwrap();
    let aliased = |start: &u128| *start >> 112 == 0x2002 && *start << 16 != 0;
    assert!(
        flat.v6.iter().all(|(start, _)| !aliased(start)),
        "6to4 was walked"
    );
}

#[test]
fn a_real_table_agrees_with_an_independent_longest_prefix_match() {
    let (Some(table), Some(golden)) = (
        shared("routeviews-2014-asn.mmdb"),
        shared("routeviews-2014-golden.csv"),
    ) else {
        return;
    };
    let bytes = std::fs::read(table).unwrap();
    let begun = Instant::now();
    let origins = systems_of(&bytes).unwrap();
    println!(
        "built in {:?}, {} octets, {:?}",
        begun.elapsed(),
        origins.memory(),
        origins.databases()
    );
    let golden = std::fs::read_to_string(golden).unwrap();
    let mut addresses = Vec::new();
    for line in golden.lines().skip(1) {
        let (address, asn) = line.split_once(',').unwrap();
        let asn: u32 = if asn.is_empty() { 0 } else { asn.parse().unwrap() };
        assert_eq!(origins.origin(ip(address)).asn, asn, "{address}");
        addresses.push(ip(address));
    }
    assert_eq!(addresses.len(), 10_000);
    let begun = Instant::now();
    let sum: u64 = (0..100)
        .flat_map(|_| &addresses)
        .map(|&at| u64::from(origins.origin(at).asn))
        .sum();
    println!("{:?} a look-up ({sum})", begun.elapsed() / 1_000_000);
}

proptest! {
    /// The flat table against the slow truth: the longest of the prefixes that holds the address.
    #[test]
    fn look_ups_agree_with_the_longest_prefix(
        rows in prop::collection::btree_map((any::<u32>(), 1..=32_u8), 1..100_u32, 1..20),
        probes in prop::collection::vec(any::<u32>(), 20),
    ) {
        use crate::model::Prefix;
        let mut rows: Vec<(Prefix, u32)> =
            rows.into_iter().map(|((bits, length), asn)| (Prefix::new(Ip::v4(bits), length), asn)).collect();
        // The writer wants general prefixes before particular ones and none twice.
        rows.sort_by_key(|(prefix, _)| (prefix.length(), *prefix));
        rows.dedup_by_key(|(prefix, _)| *prefix);
        // A particular prefix inside a general one is not something the writer can split; keep disjoint ones.
        let mut kept: Vec<(Prefix, u32)> = Vec::new();
        for (prefix, asn) in rows {
            if !kept.iter().any(|(other, _)| other.contains(prefix.first())) {
                kept.push((prefix, asn));
            }
        }
        let written: Vec<(String, AsRow<'_>)> =
            kept.iter().map(|(prefix, asn)| (prefix.to_string(), row(*asn))).collect();
        let written: Vec<(&str, AsRow<'_>)> =
            written.iter().map(|(p, r)| (p.as_str(), row(r.autonomous_system_number))).collect();
        let origins = systems_of(&database("GeoLite2-ASN", &written)).unwrap();
        let edges = kept.iter().flat_map(|(prefix, _)| [prefix.first(), prefix.last()]);
        for probe in edges.chain(probes.into_iter().map(Ip::v4)) {
            let expected = kept.iter().find(|(prefix, _)| prefix.contains(probe)).map_or(0, |(_, asn)| *asn);
            prop_assert_eq!(origins.origin(probe).asn, expected, "{}", probe);
        }
    }

    #[test]
    fn a_damaged_database_is_read_or_refused_but_never_a_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = database("GeoLite2-ASN", &[("192.0.2.0/24", row(64_500)), ("2001:db8::/32", row(64_501))]);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            if let Err(error) = systems_of(bytes) {
                prop_assert!(!error.to_string().is_empty());
            }
            let _ = countries_of(bytes);
        }
    }
}
