//! Numbers with units, read exactly: amounts such as `1.5M` and durations such as `1h30m`.

/// Reads a whole number with a unit: `100`, `1.5M`, `64Ki`, `10GB`. Decimal and, with an `i`, binary multiples; a `B`
/// for bytes may follow; capitals mean nothing. The error is a sentence.
///
/// ```
/// assert_eq!(tidemark::filter::parse_amount("1.5M"), Ok(1_500_000));
/// assert_eq!(tidemark::filter::parse_amount("1GiB"), Ok(1 << 30));
/// ```
pub fn scaled(word: &str) -> Result<u64, String> {
    let lower = word.to_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = lower.get(digits.len()..).unwrap_or_default();
    let unit: u64 = match suffix.strip_suffix('b').unwrap_or(suffix) {
        "" => 1,
        "k" => 1000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        "t" => 1_000_000_000_000,
        "ki" => 1 << 10,
        "mi" => 1 << 20,
        "gi" => 1 << 30,
        "ti" => 1 << 40,
        _ if digits.is_empty() => return Err(format!("`{word}` is not a number")),
        _ => {
            return Err(format!(
                "`{word}` has an unknown unit, expected k, M, G, T, Ki, Mi, Gi or Ti"
            ));
        }
    };
    times(digits, unit).ok_or_else(|| format!("`{word}` is not a whole number below 2^64"))
}

/// `5m`, `1h30m`, `1.5s`, `250ms`, in nanoseconds.
pub(super) fn span(word: &str) -> Result<u64, String> {
    let wrong =
        || format!("`{word}` is not a duration, expected a number and unit such as `90s`, `5m` or `1h30m`");
    let mut rest = word;
    let mut total = 0_u64;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| c.is_alphabetic()).ok_or_else(wrong)?;
        let (digits, tail) = rest.split_at_checked(unit_at).ok_or_else(wrong)?;
        let next_at = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
        let (unit, next) = tail.split_at_checked(next_at).ok_or_else(wrong)?;
        let unit = match unit {
            "ns" => 1,
            "us" | "µs" => 1000,
            "ms" => 1_000_000,
            "s" | "sec" => 1_000_000_000,
            "m" | "min" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            _ => return Err(wrong()),
        };
        total = times(digits, unit)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(wrong)?;
        rest = next;
    }
    if word.is_empty() { Err(wrong()) } else { Ok(total) }
}

/// A decimal number times a unit, exactly; `None` when it is none, not whole or too large.
fn times(decimal: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let digits = format!("{whole}{fraction}");
    if whole.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let product = digits.parse::<u128>().ok()?.checked_mul(u128::from(unit))?;
    (product % scale == 0).then(|| u64::try_from(product / scale).ok())?
}
