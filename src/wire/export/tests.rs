//! Promises of reading: headers, Sets and Templates as octets, what they say as text.

use super::{Definition, Definitions, Fields, Header, Number, Plan, Set, SetKind, Sets, Version, version};
use proptest::prelude::*;

#[test]
fn the_version_field_tells_the_protocol_whatever_the_port() {
    for (octets, told) in [
        (&[0, 5, 0, 1][..], Some(Version::V5)),
        (&[0, 7], Some(Version::V7)),
        (&[0, 9], Some(Version::V9)),
        (&[0, 10], Some(Version::Ipfix)),
        (&[0, 0, 0, 5], Some(Version::Sflow)),
        (&[0, 0, 0, 4], None),
        (&[0, 8], None),
        (&[5], None),
        (&[], None),
    ] {
        assert_eq!(version(octets), told, "{octets:?}");
    }
}

#[test]
fn headers_are_whole_or_nothing() {
    for (version, length) in [
        (Version::V5, 24),
        (Version::V7, 24),
        (Version::V9, 20),
        (Version::Ipfix, 16),
    ] {
        let octets = [7; 24];
        let header = Header::read(version, &octets[..length]).unwrap();
        assert_eq!(header.length, length);
        assert_eq!(Header::read(version, &octets[..length - 1]), None);
    }
}

/// Sets as `id:octets of body`, with `!` where the message ends inside.
fn sets(octets: &[u8]) -> String {
    let one = |set| match set {
        Ok(Set { id, body, cut, .. }) => format!("{id}:{}{}", body.len(), if cut { "!" } else { "" }),
        Err(_) => "broken".to_owned(),
    };
    let said: Vec<String> = Sets::new(octets, 0, usize::MAX).map(one).collect();
    said.join(" ")
}

#[test]
fn sets_are_walked_by_their_own_lengths() {
    assert_eq!(sets(&[1, 0, 0, 6, 9, 9, 0, 2, 0, 4]), "256:2 2:0");
    assert_eq!(sets(&[1, 0, 0, 9, 9, 9]), "256:2!");
    assert_eq!(sets(&[1, 0, 0, 6, 9, 9, 0, 0, 0, 0, 0, 0]), "256:2", "padding");
    assert_eq!(sets(&[1, 0, 0, 3, 9, 9]), "broken");
    assert_eq!(sets(&[1, 0, 0]), "");
}

/// The definitions of a Set as `id/fields`.
fn definitions(version: Version, kind: SetKind, octets: &[u8]) -> String {
    let one = |definition: Result<Definition<'_>, u16>| match definition {
        Ok(definition) => format!("{}/{}", definition.id, definition.fields),
        Err(id) => format!("{id}!"),
    };
    let said: Vec<String> = Definitions::new(version, kind, octets).map(one).collect();
    said.join(" ")
}

#[test]
fn definitions_end_where_their_fields_do() {
    let plain = [1, 0, 0, 1, 0, 8, 0, 4, 1, 1, 0, 1, 0x80, 8, 0, 4, 0, 0, 0, 0];
    let told = definitions(Version::V9, SetKind::Templates, &plain);
    assert_eq!(told, "256/1 257/1", "no enterprises in v9, and padding");
    assert_eq!(
        definitions(Version::Ipfix, SetKind::Templates, &plain),
        "256/1 257/1"
    );
    assert_eq!(
        definitions(Version::Ipfix, SetKind::Templates, &plain[..18]),
        "256/1 257!"
    );
    let options = [1, 0, 0, 4, 0, 8, 0, 1, 0, 4, 0, 34, 0, 4, 0, 35, 0, 1];
    assert_eq!(
        definitions(Version::V9, SetKind::OptionsTemplates, &options),
        "256/3"
    );
    let options = [1, 0, 0, 2, 0, 1, 0, 1, 0, 4, 0, 34, 0, 4, 1, 1, 0, 0];
    assert_eq!(
        definitions(Version::Ipfix, SetKind::OptionsTemplates, &options),
        "256/2 257/0"
    );
}

fn plan(octets: &[u8]) -> Option<Plan> {
    Plan::compile(Definition::read(Version::Ipfix, false, octets)?)
}

#[test]
fn of_several_fields_for_one_thing_the_best_counts_and_the_next_is_kept() {
    // octetTotalCount, octetDeltaCount, octetDeltaCount again.
    let plan = plan(&[1, 0, 0, 3, 0, 85, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]).unwrap();
    let mut fields = Fields::default();
    plan.prepare(&mut fields);
    assert_eq!(plan.read(&[7, 8, 9], &mut fields), Some(3));
    assert_eq!(fields.number(Number::Octets), 8);
    assert_eq!(fields.number(Number::OctetsSecond), 9);
    assert_eq!(plan.read(&[7, 8], &mut fields), None);
}

#[test]
fn a_template_without_octets_cannot_be_used() {
    assert!(plan(&[1, 0, 0, 1, 0, 8, 0, 0]).is_none());
    assert!(plan(&[1, 0, 0, 0]).is_none());
    assert_eq!(plan(&[1, 0, 0, 1, 0, 82, 255, 255]).map(|p| p.least()), Some(1));
}

#[test]
fn an_address_of_another_length_is_none() {
    let plan = plan(&[1, 0, 0, 2, 0, 8, 0, 3, 0, 12, 0, 4]).unwrap();
    assert!(!plan.is_flow());
    assert_eq!(plan.least(), 7);
}

proptest! {
    #[test]
    fn any_definition_and_any_record_are_read_without_harm(
        definition in prop::collection::vec(any::<u8>(), 0..120),
        record in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        for (version, options) in [(Version::V9, false), (Version::V9, true), (Version::Ipfix, false), (Version::Ipfix, true)] {
            let kind = if options { SetKind::OptionsTemplates } else { SetKind::Templates };
            for definition in Definitions::new(version, kind, &definition).flatten() {
                let Some(plan) = Plan::compile(definition) else { continue };
                let mut fields = Fields::default();
                plan.prepare(&mut fields);
                let read = plan.read(&record, &mut fields);
                prop_assert!(read.is_none_or(|n| n >= plan.least() && n <= record.len()));
            }
        }
    }
}
