//! Stratum, the protocol of mining pools: JSON-RPC over TCP, a line a message (Stratum V1 of the Slush pool for Bitcoin;
//! the dialects of Monero and Ethereum pools). It is told by the methods that have no other use.

/// How far into a message to look: methods stand at its beginning.
const LOOK: usize = 512;

/// Methods that a miner calls.
const MINER: [&[u8]; 6] = [
    b"\"mining.subscribe\"",
    b"\"mining.authorize\"",
    b"\"mining.submit\"",
    b"\"mining.configure\"",
    b"\"eth_submitLogin\"",
    b"\"eth_submitWork\"",
];
/// Methods that a pool calls.
const POOL: [&[u8]; 3] = [
    b"\"mining.notify\"",
    b"\"mining.set_difficulty\"",
    b"\"mining.set_target\"",
];
/// What the first message of a Monero miner has, all of it.
const MONERO: [&[u8]; 3] = [b"\"method\":\"login\"", b"\"params\"", b"\"agent\""];

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client.
    Miner,
    /// The server.
    Pool,
}

/// Who says the message at the start of a segment, if it is one of stratum.
pub fn speaker(payload: &[u8]) -> Option<Side> {
    let start = payload.get(..LOOK.min(payload.len()))?;
    if !start.starts_with(b"{") {
        return None;
    }
    let has = |word: &[u8]| start.windows(word.len()).any(|part| part == word);
    if MINER.iter().any(|word| has(word)) || MONERO.iter().all(|word| has(word)) {
        return Some(Side::Miner);
    }
    POOL.iter().any(|word| has(word)).then_some(Side::Pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_told_by_their_methods() {
        for (line, side) in [
            (
                r#"{"id":1,"method":"mining.subscribe","params":["m/1.0"]}"#,
                Some(Side::Miner),
            ),
            (
                r#"{"id":null,"method":"mining.notify","params":["6f"]}"#,
                Some(Side::Pool),
            ),
            (
                r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"4","pass":"x","agent":"m"}}"#,
                Some(Side::Miner),
            ),
            (r#"{"method":"login","params":{"user":"a"}}"#, None),
            (r#"{"data":"prospects of mining"}"#, None),
            (r#"x{"method":"mining.submit"}"#, None),
            ("{", None),
            ("", None),
        ] {
            assert_eq!(speaker(line.as_bytes()), side, "{line}");
        }
    }

    #[test]
    fn what_stands_far_inside_is_not_looked_at() {
        let far = format!(
            "{{\"note\":\"{}\",\"method\":\"mining.submit\"}}",
            "x".repeat(600)
        );
        assert_eq!(speaker(far.as_bytes()), None);
    }
}
