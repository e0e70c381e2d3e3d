//! What hosts say to each other: the script of one connection of each application.

use super::exchange::{MILLI, Nanos, SECOND};
use super::payload::{self, Data};
use super::rng::Rng;
use super::tcp::{Close, Open, Tcp, Turn};
use super::tls;

/// The script of one connection.
pub(super) type Script = Tcp;

/// One side says `data`, `length` octets of it.
pub(super) fn says(by_client: bool, wait: Nanos, length: u64, data: Data) -> Turn {
    Turn {
        by_client,
        wait,
        length: length as u32,
        gap: 0,
        data,
    }
}

/// One side says exactly these octets.
fn exactly(by_client: bool, wait: Nanos, octets: Vec<u8>) -> Turn {
    says(
        by_client,
        wait,
        octets.len() as u64,
        Data::Head(octets.into_boxed_slice()),
    )
}

fn text(by_client: bool, wait: Nanos, text: &'static str) -> Turn {
    says(by_client, wait, text.len() as u64, Data::Text(text))
}

fn script(rng: &mut Rng, turns: Vec<Turn>, close: Close) -> Tcp {
    Tcp::new(turns, Open::Accepted, close, rng.bits())
}

/// A connection that fails: refused, or unanswered in spite of `repeated` more SYNs.
pub(super) fn failure(rng: &mut Rng, refused: bool, repeated: u8) -> Tcp {
    let open = if refused {
        Open::Refused
    } else {
        Open::Unanswered(repeated)
    };
    Tcp::new(Vec::new(), open, Close::Never, rng.bits())
}

/// The handshake of TLS with a server called `name`; `flight` octets are the server's part.
fn sealed_channel(rng: &mut Rng, turns: &mut Vec<Turn>, name: &str, flight: u64) {
    let random = rng.bits();
    turns.push(exactly(true, MILLI, tls::client_hello(name, random as u32)));
    let hello = tls::server_hello((random >> 32) as u32);
    turns.push(says(
        false,
        2 * MILLI,
        flight,
        Data::Tls(hello.into_boxed_slice()),
    ));
}

/// One request and its answer inside TLS.
fn sealed_request(turns: &mut Vec<Turn>, wait: Nanos, up: u64, think: Nanos, down: u64) {
    turns.push(says(true, wait, up, Data::sealed()));
    turns.push(says(false, think, down, Data::sealed()));
}

/// A visit to a web site: one to four requests, answers of log-normal size.
pub(super) fn https(rng: &mut Rng, name: &str) -> Tcp {
    let mut turns = Vec::with_capacity(12);
    let flight = rng.between(1300, 2900);
    sealed_channel(rng, &mut turns, name, flight);
    for request in 0..rng.between(1, 3) {
        let wait = if request == 0 {
            MILLI
        } else {
            rng.between(20, 3000) as Nanos * MILLI
        };
        let think = rng.between(3, 90) as Nanos * MILLI;
        let up = rng.log_normal(520, 0.4, 180, 2400);
        let down = rng.log_normal(4200, 1.1, 250, 180_000);
        sealed_request(&mut turns, wait, up, think, down);
    }
    let close = *rng.pick(&[
        Close::ByClient,
        Close::ByClient,
        Close::ByServer,
        Close::ResetByClient,
    ]);
    script(rng, turns, close)
}

/// One large download.
pub(super) fn download(rng: &mut Rng, name: &str) -> Tcp {
    let mut turns = Vec::with_capacity(4);
    sealed_channel(rng, &mut turns, name, 2400);
    let size = rng.log_normal(500_000, 0.7, 100_000, 2_500_000);
    sealed_request(&mut turns, MILLI, 400, 20 * MILLI, size);
    script(rng, turns, Close::ByClient)
}

/// A short call of a programming interface: the whole handshake in few segments, one request.
pub(super) fn call(rng: &mut Rng, name: &str, down: u64, close: Close) -> Tcp {
    let mut turns = Vec::with_capacity(4);
    sealed_channel(rng, &mut turns, name, 1380);
    let up = rng.between(380, 720);
    sealed_request(&mut turns, MILLI, up, 6 * MILLI, down);
    script(rng, turns, close)
}

/// A web request by way of the proxy.
pub(super) fn by_proxy(rng: &mut Rng, name: &str) -> Tcp {
    let ask = format!("CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n");
    let mut turns = vec![
        exactly(true, MILLI, ask.into_bytes()),
        text(false, 20 * MILLI, "HTTP/1.1 200 Connection established\r\n\r\n"),
    ];
    sealed_channel(rng, &mut turns, name, 2200);
    let (up, down) = (rng.between(300, 900), rng.log_normal(5000, 0.9, 300, 80_000));
    sealed_request(&mut turns, MILLI, up, 30 * MILLI, down);
    script(rng, turns, Close::ByClient)
}

/// A mail handed over inside TLS.
pub(super) fn mail(rng: &mut Rng, server: &str) -> Tcp {
    let mut turns = vec![
        text(false, 10 * MILLI, "220 mail ESMTP ready\r\n"),
        text(true, MILLI, "EHLO mail.corp.example\r\n"),
        text(
            false,
            2 * MILLI,
            "250-mail\r\n250-SIZE 52428800\r\n250 STARTTLS\r\n",
        ),
        text(true, MILLI, "STARTTLS\r\n"),
        text(false, MILLI, "220 2.0.0 Ready to start TLS\r\n"),
    ];
    sealed_channel(rng, &mut turns, server, 2500);
    sealed_request(&mut turns, MILLI, 90, 4 * MILLI, 120);
    let size = rng.log_normal(14_000, 1.0, 1500, 400_000);
    sealed_request(&mut turns, 2 * MILLI, size, 40 * MILLI, 70);
    script(rng, turns, Close::ByClient)
}

/// A log-in over SSH up to the point where `tries` passwords were refused.
pub(super) fn ssh_attempt(rng: &mut Rng, tries: u64) -> Tcp {
    let mut turns = ssh_channel(rng, "SSH-2.0-libssh_0.9.6\r\n");
    for _ in 0..tries {
        turns.push(says(true, 5 * MILLI, 84, Data::Filler));
        turns.push(says(false, 60 * MILLI, 52, Data::Filler));
    }
    script(rng, turns, Close::ByServer)
}

/// Somebody at work in a shell: keystrokes and echoes.
pub(super) fn ssh_session(rng: &mut Rng) -> Tcp {
    let mut turns = ssh_channel(rng, "SSH-2.0-OpenSSH_9.6\r\n");
    for _ in 0..rng.between(6, 25) {
        let wait = rng.log_normal(2500, 1.0, 150, 40_000) as Nanos * MILLI;
        let answer = rng.log_normal(180, 1.0, 44, 6000);
        turns.push(says(true, wait, 44, Data::Filler));
        turns.push(says(false, MILLI, answer, Data::Filler));
    }
    script(rng, turns, Close::ByClient)
}

fn ssh_channel(rng: &mut Rng, client: &'static str) -> Vec<Turn> {
    let random = rng.bits() as u32;
    // SSH_MSG_KEX_ECDH_INIT is 30, its reply 31 (RFC 5656 section 4); SSH_MSG_NEWKEYS ends what can be read.
    vec![
        text(true, MILLI, client),
        text(false, 8 * MILLI, "SSH-2.0-OpenSSH_9.2p1\r\n"),
        exactly(true, MILLI, payload::ssh_offer(random)),
        exactly(false, MILLI, payload::ssh_offer(!random)),
        exactly(true, MILLI, payload::ssh_key(random)),
        exactly(false, 4 * MILLI, payload::ssh_key_reply(!random)),
        exactly(true, MILLI, payload::SSH_NEW_KEYS.to_vec()),
        says(false, MILLI, 44, Data::Filler),
    ]
}

/// A few operations on the file server.
pub(super) fn files(rng: &mut Rng) -> Tcp {
    let mut turns = Vec::with_capacity(20);
    for _ in 0..rng.between(3, 6) {
        let wait = rng.between(1, 900) as Nanos * MILLI;
        let up = rng.between(120, 380);
        let down = rng.log_normal(900, 1.2, 140, 120_000);
        turns.push(says(true, wait, up, Data::Smb));
        turns.push(says(false, MILLI, down, Data::Smb));
    }
    script(rng, turns, Close::ResetByClient)
}

/// A short session with the database.
pub(super) fn database(rng: &mut Rng) -> Tcp {
    let down = rng.log_normal(700, 0.5, 120, 8000);
    let up = rng.between(90, 160);
    let turns = vec![
        exactly(true, MILLI, payload::QUERY_STARTUP.to_vec()),
        exactly(false, MILLI, payload::QUERY_READY.to_vec()),
        says(true, MILLI, up, Data::Query),
        says(false, 3 * MILLI, down, Data::Rows),
        exactly(true, MILLI, payload::QUERY_END.to_vec()),
    ];
    script(rng, turns, Close::ByClient)
}

/// A worker hands a result of `up` octets to the aggregator.
pub(super) fn result(rng: &mut Rng, up: u64) -> Tcp {
    let turns = vec![
        says(true, MILLI, up, Data::Filler),
        says(false, 2 * MILLI, 64, Data::Filler),
    ];
    script(rng, turns, Close::ByClient)
}

/// A build job: sources up, a log down.
pub(super) fn build(rng: &mut Rng) -> Tcp {
    let mut turns = Vec::with_capacity(6);
    sealed_channel(rng, &mut turns, "build.corp.example", 1800);
    let (up, down) = (
        rng.log_normal(20_000, 0.8, 1000, 300_000),
        rng.log_normal(6000, 0.8, 400, 80_000),
    );
    sealed_request(&mut turns, MILLI, up, 2 * SECOND, down);
    script(rng, turns, Close::ByClient)
}

/// A round of backup: a copy of what changed since the last.
pub(super) fn backup(rng: &mut Rng) -> Tcp {
    let turns = vec![
        says(true, MILLI, 300, Data::Filler),
        says(
            false,
            20 * MILLI,
            rng.log_normal(900_000, 0.2, 400_000, 1_600_000),
            Data::Filler,
        ),
    ];
    script(rng, turns, Close::ByClient)
}

/// A miner at its pool: logs in, gets work, hands in shares for as long as `lasting`.
pub(super) fn mining(rng: &mut Rng, lasting: Nanos) -> Tcp {
    const LOGIN: &str = "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"xmrig/6.21.0\"]}\n";
    const WORK: &str =
        "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"6f\",\"e2c4\",\"01000000\"]}\n";
    const SHARE: &str = "{\"id\":4,\"method\":\"mining.submit\",\"params\":[\"w\",\"6f\",\"00\"]}\n";
    let mut turns = vec![text(true, MILLI, LOGIN), text(false, 5 * MILLI, WORK)];
    let mut left = lasting;
    while left > 0 {
        let wait = rng.between(4, 14) as Nanos * SECOND;
        left -= wait;
        if rng.chance(0.4) {
            turns.push(text(false, wait, WORK));
        } else {
            turns.push(text(true, wait, SHARE));
            turns.push(text(
                false,
                5 * MILLI,
                "{\"id\":4,\"result\":true,\"error\":null}\n",
            ));
        }
    }
    script(rng, turns, Close::ByClient)
}

/// An upload inside TLS of `size` octets, at a pace of one coalesced segment every `gap`.
pub(super) fn upload(rng: &mut Rng, name: &str, size: u64, gap: Nanos) -> Tcp {
    let mut turns = Vec::with_capacity(4);
    sealed_channel(rng, &mut turns, name, 1900);
    sealed_request(&mut turns, MILLI, size, 30 * MILLI, 240);
    if let Some(turn) = turns.iter_mut().rev().nth(1) {
        turn.gap = gap;
    }
    script(rng, turns, Close::ByClient)
}
