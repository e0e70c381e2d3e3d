//! The forms in which publishers write AS numbers and countries into their records.

use crate::model::Country;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, de};
use std::fmt;

/// A record of an AS database, in the form of GeoLite2-ASN, GeoIP2-ISP and DB-IP, or of ipinfo.
#[derive(Deserialize)]
pub(super) struct SystemRecord<'d> {
    autonomous_system_number: Option<u32>,
    autonomous_system_organization: Option<&'d str>,
    asn: Option<Number>,
    as_name: Option<&'d str>,
    name: Option<&'d str>,
}

impl SystemRecord<'_> {
    /// The AS number; 0 where there is none.
    pub(super) fn number(&self) -> u32 {
        let number = self.autonomous_system_number.or(self.asn.as_ref().map(|n| n.0));
        number.unwrap_or(0)
    }

    /// The name, shortened to what fits a line.
    pub(super) fn name(&self) -> Option<Box<str>> {
        let name = self
            .autonomous_system_organization
            .or(self.as_name)
            .or(self.name)?;
        let short: String = name
            .trim()
            .chars()
            .filter(|c| !c.is_control())
            .take(100)
            .collect();
        (!short.is_empty()).then(|| short.into())
    }
}

/// A number, or text such as `AS64500`.
struct Number(u32);

impl<'d> Deserialize<'d> for Number {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl Visitor<'_> for Seen {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an AS number or text such as `AS64500`")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
                u32::try_from(number).map(Number).map_err(E::custom)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                let digits = text.trim().trim_start_matches(['A', 'S', 'a', 's']);
                if digits.is_empty() {
                    return Ok(Number(0));
                }
                let wrong = |_| E::custom(format_args!("`{text}` is not an AS number"));
                digits.parse().map(Number).map_err(wrong)
            }
        }
        deserializer.deserialize_any(Seen)
    }
}

/// A record of a country database, in the form of GeoLite2-Country, GeoLite2-City and DB-IP, or of ipinfo.
#[derive(Deserialize)]
pub(super) struct CountryRecord {
    country_code: Option<Code>,
    country: Option<Code>,
    registered_country: Option<Code>,
}

impl CountryRecord {
    /// The country; where the address is in none, the one it is registered in; unknown otherwise.
    pub(super) fn country(&self) -> Country {
        let known = |code: &Option<Code>| code.as_ref().map(|c| c.0).filter(|c| c.is_known());
        known(&self.country_code)
            .or_else(|| known(&self.country))
            .or_else(|| known(&self.registered_country))
            .unwrap_or_default()
    }
}

/// A code as text, or a map with an `iso_code`; a name in words is no code and not known.
struct Code(Country);

impl<'d> Deserialize<'d> for Code {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'d> Visitor<'d> for Seen {
            type Value = Code;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a country code or a map with an `iso_code`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Code, E> {
                Ok(Code(code(text)))
            }
            fn visit_map<A: MapAccess<'d>>(self, mut map: A) -> Result<Code, A::Error> {
                let mut found = Country::default();
                while let Some(key) = map.next_key::<&str>()? {
                    if key == "iso_code" {
                        found = code(map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Code(found))
            }
        }
        deserializer.deserialize_any(Seen)
    }
}

fn code(text: &str) -> Country {
    match text.as_bytes() {
        &[a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
            Country([a.to_ascii_uppercase(), b.to_ascii_uppercase()])
        }
        _ => Country::default(),
    }
}
