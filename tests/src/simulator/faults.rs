//! The fault that is injected into a call to AWS, by chance.

use std::time::Duration;

use super::plan::FaultKind;
use crate::limits::Chance;

/// The fault that is injected into a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InjectedFault {
    /// It is carried out and answered.
    None,
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
    Unprocessed,
}

/// Chooses the fault of a call of this operation. With all faults some ten of a hundred calls fail; in an unlucky
/// invocation most do.
pub(super) fn choose_fault(
    operation: &str,
    faults: &[FaultKind],
    is_unlucky: bool,
    chance: &mut Chance,
) -> InjectedFault {
    use FaultKind::{Conflicts, InProgress, LateCalls, LostCalls, ServerErrors, Throttles, UnprocessedKeys};

    let (roll, half) = (chance.below(if is_unlucky { 14 } else { 100 }), chance.below(2) == 0);
    let (kind, fault) = match roll {
        0..3 => (Conflicts, InjectedFault::Conflict),
        3 => (InProgress, InjectedFault::InProgress),
        4 => (Throttles, InjectedFault::Throttled),
        5 => (ServerErrors, InjectedFault::ServerError { carried_out: half }),
        6..8 => (LostCalls, InjectedFault::Broken { carried_out: half }),
        8 => (LateCalls, InjectedFault::Late(Duration::from_millis(300 + chance.below(6_000)))),
        9 => (UnprocessedKeys, InjectedFault::Unprocessed),
        _ => return InjectedFault::None,
    };
    let applies = match kind {
        Conflicts => matches!(operation, "TransactWriteItems" | "TransactGetItems" | "UpdateItem"),
        InProgress => operation == "TransactWriteItems",
        UnprocessedKeys => operation == "BatchGetItem",
        _ => true,
    };
    if applies && faults.contains(&kind) { fault } else { InjectedFault::None }
}
