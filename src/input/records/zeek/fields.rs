//! The fields of a line, found by their names.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Fields that are looked at, in the order of [`NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Start,
    Source,
    SourcePort,
    Destination,
    DestinationPort,
    Protocol,
    ProtocolNumber,
    Duration,
    State,
    History,
    Missed,
    Packets,
    IpOctets,
    Octets,
    ReversePackets,
    ReverseIpOctets,
    ReverseOctets,
    Vlan,
    Path,
}

/// Their names.
const NAMES: [&str; 19] = [
    "ts",
    "id.orig_h",
    "id.orig_p",
    "id.resp_h",
    "id.resp_p",
    "proto",
    "ip_proto",
    "duration",
    "conn_state",
    "history",
    "missed_bytes",
    "orig_pkts",
    "orig_ip_bytes",
    "orig_bytes",
    "resp_pkts",
    "resp_ip_bytes",
    "resp_bytes",
    "vlan",
    "_path",
];

/// What a connection cannot be without.
const NEEDED: [Field; 4] = [Field::Start, Field::Source, Field::Destination, Field::Protocol];

/// The text of each field of a line, where it has one.
#[derive(Debug, Default)]
pub(super) struct Line<'a>([Option<&'a str>; NAMES.len()]);

impl<'a> Line<'a> {
    pub(super) fn get(&self, field: Field) -> Option<&'a str> {
        self.0.get(field as usize).copied().flatten()
    }

    /// Which log it is of, where it says so.
    pub(super) fn path(&self) -> Option<&'a str> {
        self.get(Field::Path)
    }

    /// The name of a field.
    pub(super) fn name(field: Field) -> &'static str {
        NAMES.get(field as usize).copied().unwrap_or_default()
    }

    /// Of a JSON object.
    pub(super) fn of_json(text: &'a str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| format!("it is no object of JSON: {error}"))
    }

    fn set(&mut self, name: &str, text: &'a str) {
        let place = NAMES.iter().position(|known| *known == name);
        if let Some(place) = place.and_then(|place| self.0.get_mut(place)) {
            *place = Some(text);
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Line<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Line<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the fields of a connection")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line<'de>, A::Error> {
                let mut line = Line::default();
                while let Some(name) = map.next_key::<Name<'de>>()? {
                    let value: &'de RawValue = map.next_value()?;
                    let text = value.get();
                    // What is looked at has no escapes in it.
                    let text = text
                        .strip_prefix('"')
                        .and_then(|text| text.strip_suffix('"'))
                        .unwrap_or(text);
                    if value.get() != "null" {
                        line.set(&name.0, text);
                    }
                }
                Ok(line)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A name as it stands in the text, where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Where the fields of tab-separated lines stand, as the newest header says.
#[derive(Debug)]
pub(super) struct Columns {
    separator: String,
    unset: String,
    empty: String,
    /// For each column the place among the names.
    places: Vec<Option<usize>>,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            separator: "\t".to_owned(),
            unset: "-".to_owned(),
            empty: "(empty)".to_owned(),
            places: Vec::new(),
        }
    }
}

impl Columns {
    /// Takes in a line that begins with `#`.
    ///
    /// # Errors
    /// Nothing that follows can be read.
    pub(super) fn header(&mut self, text: &str) -> Result<(), String> {
        if let Some(separator) = text.strip_prefix("#separator ") {
            self.separator = unescaped(separator);
            return match self.separator.is_empty() {
                true => Err("`#separator` names none".to_owned()),
                false => Ok(()),
            };
        }
        let (name, value) = text.split_once(&self.separator).unwrap_or((text, ""));
        match name {
            "#unset_field" => self.unset = value.to_owned(),
            "#empty_field" => self.empty = value.to_owned(),
            "#path" if value != "conn" => {
                return Err(format!("it is a log of `{value}`; connections are in conn.log"));
            }
            "#fields" => self.fields(value)?,
            _ => {}
        }
        Ok(())
    }

    fn fields(&mut self, names: &str) -> Result<(), String> {
        let place = |name: &str| NAMES.iter().position(|known| *known == name);
        self.places = names.split(&self.separator).map(place).collect();
        match NEEDED
            .iter()
            .find(|field| !self.places.contains(&Some(**field as usize)))
        {
            Some(missing) => Err(format!("`#fields` has no `{}`", Line::name(*missing))),
            None => Ok(()),
        }
    }

    /// A line of values.
    pub(super) fn line<'a>(&self, text: &'a str) -> Result<Line<'a>, String> {
        if self.places.is_empty() {
            return Err("values come before `#fields`".to_owned());
        }
        let (mut line, mut count) = (Line::default(), 0);
        for (column, value) in text.split(&self.separator).enumerate() {
            count += 1;
            let Some(place) = self.places.get(column).copied().flatten() else {
                continue;
            };
            if value != self.unset
                && value != self.empty
                && let Some(field) = line.0.get_mut(place)
            {
                *field = Some(value);
            }
        }
        let wanted = self.places.len();
        match count == wanted {
            true => Ok(line),
            false => Err(format!("it has {count} values for {wanted} fields")),
        }
    }
}

/// `\x09` as the octet it stands for.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x") {
        out.push_str(before);
        let code = after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(code) => out.push(char::from(code)),
            None => out.push_str("\\x"),
        }
        rest = match code {
            Some(_) => after.get(2..).unwrap_or_default(),
            None => after,
        };
    }
    out + rest
}
