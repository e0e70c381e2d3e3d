//! What clients can make grow, and how far.

use std::time::Duration;

/// Octets of a request's body.
pub const BODY: usize = 1 << 20;
/// A request is answered, or its answer begun, within this.
pub const ANSWER: Duration = Duration::from_secs(30);
/// Back-tests take longer.
pub const LONG_ANSWER: Duration = Duration::from_secs(600);
/// Headers of a request arrive within this.
pub const HEADERS: Duration = Duration::from_secs(10);
/// Connections at a time.
pub const CONNECTIONS: usize = 512;
/// Questions to stored flows at a time, each with at most [`QUERY_MEMORY`].
pub const QUERIES: usize = 2;
/// Octets the groups of one question may occupy.
pub const QUERY_MEMORY: usize = 128 << 20;
/// How long a question waits for others to end.
pub const QUEUE: Duration = Duration::from_secs(10);
/// Back-tests at a time: each runs two engines.
pub const BACKTESTS: usize = 1;
/// Other questions to the source, the desk and the file of access at a time.
pub const ASKS: usize = 16;
/// Who listens for events at a time.
pub const LISTENERS: usize = 64;
/// Events that wait for a slow listener; then it is told that it missed some.
pub const EVENTS: usize = 256;
/// Passwords being hashed at a time: each takes 19 MiB.
pub const HASHES: usize = 2;
/// Entries of a list, unless asked for otherwise, and at most.
pub const PAGE: [u32; 2] = [100, 1000];
/// Rows of a question to stored flows at most.
pub const ROWS: usize = 10_000;
/// Flows that paging may pass over.
pub const FLOWS: u64 = 100_000;
