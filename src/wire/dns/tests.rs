//! DNS messages in parts, what they say in text.

use super::*;
use proptest::prelude::*;

fn name(labels: &[&[u8]]) -> Vec<u8> {
    let mut octets = Vec::new();
    for label in labels {
        octets.push(label.len() as u8);
        octets.extend_from_slice(label);
    }
    octets.push(0);
    octets
}

fn header(flags: u16, questions: u16, answers: u16) -> Vec<u8> {
    [0x1234, flags, questions, answers, 0, 0]
        .into_iter()
        .flat_map(u16::to_be_bytes)
        .collect()
}

fn record(owner: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let mut octets = owner.to_vec();
    octets.extend_from_slice(&kind.to_be_bytes());
    octets.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
    octets.extend_from_slice(&(data.len() as u16).to_be_bytes());
    octets.extend_from_slice(data);
    octets
}

/// `WWW.Example.com` is an alias of `a.example.com`, which has two addresses.
fn answer() -> Vec<u8> {
    let question = [name(&[b"WWW", b"Example", b"com"]), vec![0, 1, 0, 1]].concat();
    let alias = [1, b'a', 0xc0, 16]; // a, then a pointer to `Example.com`
    [
        header(0x8180, 1, 3),
        question,
        record(&[0xc0, 12], 5, &alias),
        record(&alias, 1, &[192, 0, 2, 1]),
        record(
            &alias,
            28,
            &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        ),
    ]
    .concat()
}

fn say(message: Option<Message<'_>>) -> String {
    let Some(message) = message else {
        return "none".into();
    };
    let mut name = Name::new();
    message.name(&mut name);
    let kind = if message.is_response() { "answer" } else { "query" };
    let addresses: Vec<String> = message.answers().map(|ip| ip.to_string()).collect();
    let (qtype, rcode) = (message.qtype(), message.rcode());
    format!(
        "{kind} {name} type {qtype} rcode {rcode} [{}]",
        addresses.join(" ")
    )
}

const SAYS: &str = "answer www.example.com type 1 rcode 0 [192.0.2.1 2001:db8::1]";

#[test]
fn addresses_behind_an_alias_belong_to_the_name_asked_for() {
    assert_eq!(say(parse(&answer())), SAYS);
}

#[test]
fn over_tcp_the_length_comes_first() {
    let message = answer();
    let mut segment = (message.len() as u16).to_be_bytes().to_vec();
    segment.extend_from_slice(&message);
    segment.extend_from_slice(b"another message");
    assert_eq!(say(parse_tcp(&segment)), SAYS);
}

#[test]
fn a_query_names_what_it_asks_for() {
    let ask = |labels: &[&[u8]]| [header(0x0100, 1, 0), name(labels), vec![0, 15, 0, 1]].concat();
    assert_eq!(
        say(parse(&ask(&[b"example"]))),
        "query example type 15 rcode 0 []"
    );
    assert_eq!(say(parse(&ask(&[]))), "query . type 15 rcode 0 []");
    assert_eq!(
        say(parse(&ask(&[b"a.b\\", b"\x00\xff c"]))),
        r"query a\.b\\.\000\255\032c type 15 rcode 0 []"
    );
}

#[test]
fn a_refusal_says_so() {
    let message = [header(0x8183, 1, 0), name(&[b"nowhere"]), vec![0, 1, 0, 1]].concat();
    assert_eq!(say(parse(&message)), "answer nowhere type 1 rcode 3 []");
}

#[test]
fn a_multicast_answer_is_about_its_own_address_record() {
    let host = name(&[b"printer", b"local"]);
    let message = [
        header(0x8400, 0, 4),
        record(&name(&[b"_ipp", b"local"]), 12, &host),
        record(&host, 1, &[192, 0, 2, 9]),
        record(&name(&[b"Printer", b"LOCAL"]), 1, &[192, 0, 2, 10]),
        record(&name(&[b"other", b"local"]), 1, &[192, 0, 2, 11]),
    ]
    .concat();
    assert_eq!(
        say(parse(&message)),
        "answer printer.local type 1 rcode 0 [192.0.2.9 192.0.2.10]"
    );
}

#[test]
fn known_answers_in_a_query_are_no_answers() {
    let mut message = answer();
    message[2] = 0;
    assert_eq!(say(parse(&message)), "query www.example.com type 1 rcode 0 []");
}

#[test]
fn pointers_in_a_circle_are_no_name() {
    for pointer in [[0xc0, 12], [0xc0, 14], [0xc0, 0], [0xff, 0xff]] {
        let message = [header(0x0100, 1, 0), pointer.to_vec(), vec![0, 1, 0, 1]].concat();
        assert_eq!(say(parse(&message)), "none", "{pointer:?}");
    }
}

#[test]
fn a_name_longer_than_the_standard_allows_is_no_name() {
    let label = [b'x'; 63];
    let with = |last: usize| {
        let labels = [&label[..], &label[..], &label[..], &label[..last]];
        [header(0x0100, 1, 0), name(&labels), vec![0, 1, 0, 1]].concat()
    };
    assert!(parse(&with(61)).is_some());
    assert!(parse(&with(62)).is_none());
}

#[test]
fn a_name_whose_escapes_do_not_fit_is_cut() {
    let label = [0xee; 63];
    let message = [header(0x0100, 1, 0), name(&[&label, &label]), vec![0, 1, 0, 1]].concat();
    let mut text = Name::new();
    parse(&message).unwrap().name(&mut text);
    assert_eq!(text.as_str().len(), 253); // 63 * 4, a dot, and no half escape
    assert!(text.as_str().starts_with(r"\238\238"));
}

#[test]
fn a_cut_message_says_what_is_left_of_it() {
    let whole = answer();
    let question_ends = 12 + 17 + 4;
    for end in 0..whole.len() {
        let says = say(parse(&whole[..end]));
        if end < question_ends {
            assert_eq!(says, "none");
        } else {
            let start = "answer www.example.com type 1 rcode 0 [";
            assert!(
                says.starts_with(start) && SAYS.starts_with(says.trim_end_matches(']')),
                "{says}"
            );
        }
    }
}

#[test]
fn other_protocols_are_no_messages() {
    let update = [header(0x2800, 1, 0), name(&[b"example"]), vec![0, 6, 0, 1]].concat();
    for payload in [update.as_slice(), b"", b"GET / HTTP/1.1\r\n\r\n", &[0; 48]] {
        assert_eq!(say(parse(payload)), "none");
    }
}

proptest! {
    #[test]
    fn any_octets_end_in_some_answer(
        octets in prop::collection::vec(any::<u8>(), 0..300),
        flags in prop::sample::select(vec![0x0100u16, 0x8180, 0x8400]),
        counts in (0u16..3, any::<u16>()),
    ) {
        let message = [header(flags, counts.0, counts.1), octets.clone()].concat();
        for text in [say(parse(&message)), say(parse(&octets)), say(parse_tcp(&octets))] {
            prop_assert!(text.is_ascii());
        }
    }

    #[test]
    fn a_damaged_message_ends_in_some_answer(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut message = answer();
        for (place, value) in damage {
            let place = place.index(message.len());
            message[place] = value;
        }
        prop_assert!(say(parse(&message)).is_ascii());
    }
}
