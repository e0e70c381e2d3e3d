//! sFlow version 5: not read yet, so that its messages are counted as unknown.

use super::{Account, Sink};
use crate::model::{ExportFault, ExportMessage, ExportTrouble};

/// Takes in one sFlow datagram.
pub(super) fn observe(message: &ExportMessage<'_>, account: &mut Account, sink: &mut impl Sink) {
    account.faults += 1;
    sink.fault(ExportFault {
        kind: ExportTrouble::UnknownVersion,
        exporter: message.exporter,
        domain: 0,
        offset: 0,
        what: "sFlow version 5 is not read".to_owned(),
    });
}
