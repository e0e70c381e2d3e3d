//! What can be drilled, and the plan of one drill.

use super::exchange::Nanos;
use crate::model::Timestamp;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The scenarios, each with its name on the command line and one sentence.
macro_rules! scenarios {
    ($($variant:ident $name:literal $description:literal)*) => {
        /// What can be drilled.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scenario {
            $(#[doc = $description] $variant,)*
        }

        impl Scenario {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name on the command line.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// One sentence for people.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $description),* }
            }
        }
    };
}

scenarios! {
    RateLimit "rate-limit" "Two hosts of ours use up the quota of a service outside."
    LoadSpike "load-spike" "One AS brings nine times the usual load to our web server."
    FanIn "fan-in" "Fifty workers answer one node at once on one port, while another port of it falls."
    Stranger "stranger" "An internal address never seen before is reached by a crowd, and mines coins."
    SynFlood "syn-flood" "SYN segments from forged sources flood a web server."
    Reflection "reflection" "DNS, NTP and SNMP answers nobody asked for hit a host of ours."
    Carpet "carpet" "Every address of one of our networks gets a little of a flood, none of them much."
    IcmpFlood "icmp-flood" "Echo requests from forty hosts flood our web server, and it answers them all."
    ScanHorizontal "scan-horizontal" "An infected host tries one port on hundreds of addresses."
    ScanVertical "scan-vertical" "Somebody outside tries a thousand ports of one server."
    ScanSlow "scan-slow" "Somebody outside tries an address of ours every minute and a half."
    BruteForce "brute-force" "Somebody outside tries passwords on our SSH host."
    Exfiltration "exfiltration" "A workstation sends hundreds of megabytes to one address outside."
    Beacon "beacon" "A workstation gives a sign of life to an address outside, every minute."
    DnsTunnel "dns-tunnel" "A workstation carries data out in the names it asks for."
    Mining "mining" "A workstation works for a mining pool."
    NewService "new-service" "A workstation answers on a port it never answered on before."
    Failover "failover" "All clients of one server move to another."
    Outage "outage" "Our database goes silent while everything else goes on."
    Quiet "quiet" "Nothing is wrong."
}

/// No scenario has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no scenario; there are {list}", list = Scenario::ALL.iter().map(|s| s.name()).collect::<Vec<_>>().join(", "))]
pub struct UnknownScenario(pub String);

impl FromStr for Scenario {
    type Err = UnknownScenario;
    fn from_str(text: &str) -> Result<Self, UnknownScenario> {
        let found = Self::ALL.iter().find(|scenario| scenario.name() == text);
        found.copied().ok_or_else(|| UnknownScenario(text.to_owned()))
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One drill.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// What happens.
    pub scenario: Scenario,
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// First instant; Monday 2026-03-02 08:00 UTC by default.
    pub start: Timestamp,
    /// How long; an hour by default, a day for `quiet`. Saturates at 292 years.
    pub duration: Duration,
    /// Multiplies the usual traffic; 1, the default, is about ten packets a second in working hours.
    pub scale: f64,
    /// Octets kept of each frame; 256 by default, enough for DNS answers and the name in a TLS ClientHello.
    pub snap: usize,
}

impl Plan {
    /// The defaults of a scenario.
    pub fn new(scenario: Scenario, seed: u64) -> Self {
        let hours = if scenario == Scenario::Quiet { 24 } else { 1 };
        Self {
            scenario,
            seed,
            start: Timestamp::from_secs(1_772_438_400),
            duration: Duration::from_secs(hours * 3600),
            scale: 1.0,
            snap: 256,
        }
    }

    /// The duration in nanoseconds, saturated.
    pub(super) fn nanos(&self) -> Nanos {
        Nanos::try_from(self.duration.as_nanos()).unwrap_or(Nanos::MAX)
    }
}
