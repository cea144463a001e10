//! Shrinks a plan that fails: fewer steps, fewer kinds of faults, as long as it still fails.

use super::{FaultKind, Plan, RunSettings, run};

/// The most tries of smaller plans.
const TRIES: u32 = 400;

/// The smallest plan found that still fails.
pub fn shrink(plan: &Plan) -> Plan {
    let mut smallest = plan.clone();
    let mut tries = 0;
    let mut fails = |plan: &Plan| {
        tries += 1;
        tries <= TRIES && !run(plan, false).violations.is_empty()
    };
    loop {
        let before = smallest.clone();
        leave_out_steps(&mut smallest, &mut fails);
        for kind in FaultKind::ALL {
            let faults = smallest.faults.iter().copied().filter(|other| *other != kind).collect();
            let smaller = Plan { faults, ..smallest.clone() };
            if smaller.faults != smallest.faults && fails(&smaller) {
                smallest = smaller;
            }
        }
        let usual = Plan { settings: RunSettings::production(), ..smallest.clone() };
        if usual != smallest && fails(&usual) {
            smallest = usual;
        }
        if smallest == before {
            return smallest;
        }
    }
}

/// Leaves out halves, then quarters, down to single steps.
fn leave_out_steps(smallest: &mut Plan, fails: &mut impl FnMut(&Plan) -> bool) {
    let mut part = smallest.steps.len().div_ceil(2).max(1);
    loop {
        let mut first = 0;
        while first < smallest.steps.len() {
            let left_out = first..(first + part).min(smallest.steps.len());
            let mut smaller = smallest.clone();
            smaller.steps.drain(left_out);
            if fails(&smaller) {
                *smallest = smaller;
            } else {
                first += part;
            }
        }
        if part == 1 {
            return;
        }
        part = part.div_ceil(2);
    }
}
