//! Text as a filter: what is read prints as text that reads as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidemark::filter::Filter;

fuzz_target!(|input: &str| {
    let Ok(filter) = Filter::parse(input) else { return };
    let printed = filter.to_string();
    let again = Filter::parse(&printed).expect("what a filter prints as can be read");
    assert_eq!(again.to_string(), printed);
});
