//! A service of ours goes silent while everything else goes on.

use super::{Cast, Incident, Window};
use crate::drill::Plan;
use crate::drill::background::DATABASE_PORT;
use crate::drill::exchange::at;
use crate::drill::network::DATABASE;
use crate::drill::stage::Silence;
use crate::model::Kind;

pub(super) fn incident(plan: &Plan) -> Incident {
    let window = Window::at_two_thirds(plan, 10);
    let mut cast = Cast::new(
        Kind::Outage,
        window,
        "The database 10.20.10.30 (tcp/5432) says nothing for ten minutes: its answers fall to zero, while the SYN \
         segments of its three clients 10.20.10.31 to .33 go on, repeated and unanswered. The host itself still answers \
         polls and echoes, and everything else goes on.",
    );
    cast.victims = vec![DATABASE];
    // Nobody attacks; the clients are those who notice.
    cast.attackers = Vec::new();
    cast.services = vec!["tcp/5432"];
    let mut incident = Incident::new(cast, Vec::new());
    incident.silence = Some(Silence {
        service: at(DATABASE, DATABASE_PORT),
        start: window.start,
        end: window.end,
    });
    incident
}
