//! One connection of Zeek as a Flow Record: the originator's direction, with the responder's as its reverse.

use super::super::Recorded;
use super::fields::{Field, Line};
use crate::model::{EndReason, FlowKey, FlowRecord, Handshake, Ip, Reverse, TcpFlags, Timestamp};

/// Nanoseconds in a second.
const SECOND: i64 = 1_000_000_000;
/// Seconds since 1970 of a date so late (the year 5138) that the number counts milliseconds.
const MILLIS: i64 = 100_000_000_000;

/// Reads a connection, and how many octets of it Zeek missed.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn read(line: &Line<'_>) -> Result<(Recorded, u64), String> {
    let start = instant(needed(line, Field::Start)?);
    let start = start.ok_or_else(|| not(line, Field::Start, "a time"))?;
    let (src, dst) = (address(line, Field::Source)?, address(line, Field::Destination)?);
    let length = line.get(Field::Duration).map_or(Some(0), nanos);
    let length = length
        .ok_or_else(|| not(line, Field::Duration, "a duration"))?
        .max(0);
    let end = Timestamp::from_nanos(start.as_nanos().saturating_add(length));
    let key = key(line, src, dst)?;
    let sent = side(line, Field::Packets, Field::IpOctets, Field::Octets)?;
    let back = side(
        line,
        Field::ReversePackets,
        Field::ReverseIpOctets,
        Field::ReverseOctets,
    )?;
    let [flags, back_flags] = match key.protocol {
        FlowKey::TCP => flags(line.get(Field::History).unwrap_or_default()),
        _ => [TcpFlags(0); 2],
    };
    let state = line.get(Field::State).unwrap_or_default();
    let mut record = FlowRecord {
        key,
        start,
        end,
        packets: sent.0,
        bytes: sent.1,
        tcp_flags: flags,
        end_reason: end_reason(state),
        handshake: handshake(state, back.0 > 0),
        reverse: (back.0 > 0 || back.1 > 0).then_some(Reverse {
            packets: back.0,
            bytes: back.1,
            tcp_flags: back_flags,
        }),
        vlan: count(line, Field::Vlan)?.unwrap_or(0) as u16,
        ..FlowRecord::unknown()
    };
    turn(&mut record);
    let missed = count(line, Field::Missed)?.unwrap_or(0);
    Ok((
        Recorded {
            record,
            received: end,
        },
        missed,
    ))
}

/// Where only the responder was seen, the record is of its direction.
fn turn(record: &mut FlowRecord) {
    if let (0, 0, Some(back)) = (record.packets, record.bytes, record.reverse) {
        // What ICMP messages are is said of the request; the answer goes the other way with the same numbers.
        let icmp = matches!(record.key.protocol, FlowKey::ICMP | FlowKey::ICMPV6);
        let port = record.key.dst_port;
        record.key = record.key.reversed();
        if icmp {
            (record.key.src_port, record.key.dst_port) = (0, port);
        }
        (record.packets, record.bytes, record.tcp_flags) = (back.packets, back.bytes, back.tcp_flags);
        record.reverse = None;
        record.initiator = false;
    }
}

fn key(line: &Line<'_>, src: Ip, dst: Ip) -> Result<FlowKey, String> {
    let (src_port, dst_port) = (
        port(line, Field::SourcePort)?,
        port(line, Field::DestinationPort)?,
    );
    let protocol = protocol(line, src)?;
    let (src_port, dst_port) = match protocol {
        // Type and code stand where ports do.
        FlowKey::ICMP | FlowKey::ICMPV6 => (0, src_port << 8 | dst_port & 0xff),
        _ => (src_port, dst_port),
    };
    Ok(FlowKey {
        src,
        dst,
        src_port,
        dst_port,
        protocol,
    })
}

fn protocol(line: &Line<'_>, src: Ip) -> Result<u8, String> {
    match needed(line, Field::Protocol)? {
        "tcp" => Ok(FlowKey::TCP),
        "udp" => Ok(FlowKey::UDP),
        "icmp" if src.is_v4() => Ok(FlowKey::ICMP),
        "icmp" => Ok(FlowKey::ICMPV6),
        "sctp" => Ok(FlowKey::SCTP),
        // Since Zeek 7.1 the number is told beside it.
        _ => {
            let number = count(line, Field::ProtocolNumber)?.unwrap_or(0);
            u8::try_from(number).map_err(|_| not(line, Field::ProtocolNumber, "a protocol's number"))
        }
    }
}

/// Packets and octets of one side: those of the IP layer, or where they are not told those of the payload.
fn side(line: &Line<'_>, packets: Field, ip: Field, payload: Field) -> Result<(u64, u64), String> {
    let packets = count(line, packets)?;
    let octets = match count(line, ip)? {
        Some(octets) => octets,
        None => count(line, payload)?.unwrap_or(0),
    };
    // Who sent octets sent a packet at least.
    Ok((packets.unwrap_or(u64::from(octets > 0)), octets))
}

/// What became of the contact. States are those of TCP; of other protocols they say who was heard.
fn handshake(state: &str, answered: bool) -> Handshake {
    match state {
        "S1" | "SF" | "S2" | "S3" | "RSTO" | "RSTR" => Handshake::Answered,
        "REJ" => Handshake::Refused,
        "S0" | "RSTOS0" | "SH" => Handshake::Unanswered,
        "RSTRH" | "SHR" => Handshake::Unsolicited,
        "OTH" if answered => Handshake::Answered,
        _ => Handshake::Unknown,
    }
}

fn end_reason(state: &str) -> EndReason {
    match state {
        "SF" | "REJ" | "RSTO" | "RSTR" | "RSTOS0" | "RSTRH" => EndReason::EndOfFlow,
        _ => EndReason::Unknown,
    }
}

/// TCP flags of the originator (upper case) and the responder (lower case), as far as a history tells them.
fn flags(history: &str) -> [TcpFlags; 2] {
    let mut flags = [TcpFlags(0); 2];
    for letter in history.chars() {
        let seen = match letter.to_ascii_uppercase() {
            'S' => TcpFlags::SYN,
            'H' => TcpFlags::SYN | TcpFlags::ACK,
            // A segment with payload acknowledges too.
            'A' | 'D' => TcpFlags::ACK,
            'F' => TcpFlags::FIN | TcpFlags::ACK,
            'R' => TcpFlags::RST,
            // With FIN or with RST, it does not say which.
            'Q' => TcpFlags::SYN,
            _ => 0,
        };
        let side = usize::from(letter.is_ascii_lowercase());
        if let Some(flags) = flags.get_mut(side) {
            flags.0 |= seen;
        }
    }
    flags
}

fn needed<'a>(line: &Line<'a>, field: Field) -> Result<&'a str, String> {
    line.get(field)
        .ok_or_else(|| format!("it has no `{}`; is this a conn.log?", Line::name(field)))
}

fn address(line: &Line<'_>, field: Field) -> Result<Ip, String> {
    let ip = needed(line, field)?.parse();
    ip.map_err(|_| not(line, field, "an address"))
}

fn port(line: &Line<'_>, field: Field) -> Result<u16, String> {
    let number = count(line, field)?.unwrap_or(0);
    u16::try_from(number).map_err(|_| not(line, field, "a port"))
}

fn count(line: &Line<'_>, field: Field) -> Result<Option<u64>, String> {
    let number = line.get(field).map(str::parse::<u64>).transpose();
    number.map_err(|_| not(line, field, "a count"))
}

/// Words for a value that is not what it must be.
#[cold]
fn not(line: &Line<'_>, field: Field, what: &str) -> String {
    let value: String = line.get(field).unwrap_or_default().chars().take(40).collect();
    format!(
        "`{}` is `{}`, not {what}",
        Line::name(field),
        value.escape_debug()
    )
}

/// Seconds since 1970 with their decimals, milliseconds, or a date (`JSON::TS_EPOCH`, `TS_MILLIS`, `TS_ISO8601`).
fn instant(text: &str) -> Option<Timestamp> {
    let date = text.parse::<jiff::Timestamp>();
    let seconds = text.split('.').next().and_then(|whole| whole.parse::<i64>().ok());
    let since_1970 = match (date, seconds) {
        (Ok(date), _) => i64::try_from(date.as_nanosecond()).ok(),
        (_, Some(millis @ MILLIS..)) => millis.checked_mul(1_000_000),
        _ => nanos(text),
    };
    since_1970.filter(|count| *count >= 0).map(Timestamp::from_nanos)
}

/// Decimal seconds as nanoseconds, exactly; numbers with an exponent as near as they come.
fn nanos(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(decimals) {
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite())?;
        return Some((number * SECOND as f64) as i64);
    }
    let seconds: i64 = whole.parse().ok()?;
    let decimals = decimals.get(..decimals.len().min(9))?;
    let fraction: i64 = format!("{decimals:0<9}").parse().ok()?;
    seconds.checked_mul(SECOND)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_nanosecond_in_every_form() {
        let at = 1_772_438_400_123_456_000;
        for text in [
            "1772438400.123456",
            "1772438400.123456000",
            "2026-03-02T08:00:00.123456Z",
        ] {
            assert_eq!(instant(text).unwrap().as_nanos(), at, "{text}");
        }
        assert_eq!(
            instant("1772438400123").unwrap().as_nanos(),
            at / 1_000_000 * 1_000_000
        );
        assert_eq!(nanos("1.5e-05"), Some(15_000));
        for text in [
            "soon",
            "",
            "-",
            "inf",
            "-5",
            "1969-12-31T23:59:59Z",
            "99999999999.5",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn a_history_tells_the_flags_of_each_side() {
        let [sent, back] = flags("ShADadFfr^");
        assert_eq!(sent.to_string(), "...A..SF");
        assert_eq!(back.to_string(), "...A.RSF");
    }

    #[test]
    fn states_tell_what_became_of_the_contact() {
        let told = |state| handshake(state, false);
        assert_eq!(told("SF"), Handshake::Answered);
        assert_eq!(told("S0"), Handshake::Unanswered);
        assert_eq!(told("REJ"), Handshake::Refused);
        assert_eq!(told("SHR"), Handshake::Unsolicited);
        assert_eq!(told("OTH"), Handshake::Unknown);
        assert_eq!(handshake("OTH", true), Handshake::Answered);
    }
}
