//! The fate of a call to AWS, by chance.

use std::time::Duration;

use super::plan::FaultKind;
use crate::limits::Chance;

/// The fate of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is carried out and answered.
    Fine,
    /// It is refused: a transaction holds its items.
    Conflict,
    /// It is refused: the transaction of this token is in progress.
    InProgress,
    /// It is refused: there are too many.
    Throttled,
    /// It is answered with an error of the service, carried out or not.
    ServerError { carried_out: bool },
    /// The connection breaks.
    Broken { carried_out: bool },
    /// It arrives after this time; the caller may have given up by then.
    Late(Duration),
    /// Some keys of a batch are left unprocessed.
    LeftOver,
}

/// Chooses the fate of a call of this operation. With all faults some ten of a hundred calls fail; in an unlucky
/// invocation most do.
pub(super) fn fate(operation: &str, faults: &[FaultKind], is_unlucky: bool, chance: &mut Chance) -> Fate {
    use FaultKind::{Conflicts, InProgress, LateCalls, LeftOvers, LostCalls, ServerErrors, Throttles};

    let (drawn, half) = (chance.below(if is_unlucky { 14 } else { 100 }), chance.below(2) == 0);
    let (kind, fate) = match drawn {
        0..3 => (Conflicts, Fate::Conflict),
        3 => (InProgress, Fate::InProgress),
        4 => (Throttles, Fate::Throttled),
        5 => (ServerErrors, Fate::ServerError { carried_out: half }),
        6..8 => (LostCalls, Fate::Broken { carried_out: half }),
        8 => (LateCalls, Fate::Late(Duration::from_millis(300 + chance.below(6_000)))),
        9 => (LeftOvers, Fate::LeftOver),
        _ => return Fate::Fine,
    };
    let applies = match kind {
        Conflicts => matches!(operation, "TransactWriteItems" | "TransactGetItems" | "UpdateItem"),
        InProgress => operation == "TransactWriteItems",
        LeftOvers => operation == "BatchGetItem",
        _ => true,
    };
    if applies && faults.contains(&kind) { fate } else { Fate::Fine }
}
