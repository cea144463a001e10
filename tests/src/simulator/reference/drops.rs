//! The waiting lines of drops. The reference does not compute whose turn it is: it takes that from the answers, and knows
//! the turns that it has seen.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Asked, Outcome, Reference, Refused, fine, instant, not_found, text};

/// The most that two functions' clocks differ, and some time.
const SKEW: SignedDuration = SignedDuration::from_secs(15);

/// Longer than a request can be on its way until it is answered.
const REQUEST: SignedDuration = SignedDuration::from_secs(120);

/// The longest turn.
const TURN: SignedDuration = SignedDuration::from_secs(130);

#[derive(Debug)]
pub(super) struct Drop {
    /// The name of the field of its target, and the target.
    target: (&'static str, String),
    opens_at: Timestamp,
    enabled: bool,
    /// The instant of the last request that set it.
    set_at: Timestamp,
    /// Whether turns may have begun, and ended, before it was last changed.
    may_have_opened: bool,
    tickets: Vec<Ticket>,
}

#[derive(Debug)]
struct Ticket {
    user: String,
    text: String,
    /// The end of its turn, once an answer has shown the turn.
    turn_ends: Option<Timestamp>,
    /// Whether an order or an issue used it.
    has_served: bool,
}

/// The ticket that serves an order or an issue.
#[derive(Debug)]
pub(super) struct Serving {
    drop: String,
    ticket: usize,
}

impl Drop {
    fn opens_surely_after(&self, now: Timestamp) -> bool {
        self.opens_at > now + SKEW
    }

    fn opened_surely_before(&self, now: Timestamp) -> bool {
        self.opens_at < now - REQUEST
    }

    /// The standing of a ticket in a request that is answered now, if it is sure.
    fn standing(&self, ticket: &Ticket, now: Timestamp) -> Option<&'static str> {
        match ticket.turn_ends {
            _ if !self.enabled => Some("ADMITTED"),
            None if self.opens_surely_after(now) && !self.may_have_opened => Some("WAITING"),
            Some(end) if self.opened_surely_before(now) && end > now + SKEW => Some("ADMITTED"),
            Some(end) if self.opened_surely_before(now) && end < now - REQUEST => Some("EXPIRED"),
            _ => None,
        }
    }
}

impl Reference {
    pub(super) fn set_drop(&mut self, asked: &Asked<'_>) -> Outcome {
        let (id, target) = (asked.part(1), if asked.sent["couponId"].is_string() { "couponId" } else { "productId" });
        let (wanted, taken) =
            ((target, asked.text(target)), |field: &str| ("ALREADY_EXISTS", json!({ "field": field })));
        if let Some(drop) = self.drops.get(&id) {
            if drop.target != wanted {
                return Err(taken("dropId"));
            }
        } else {
            let is_there = match target {
                "couponId" => self.campaigns.contains_key(&wanted.1),
                _ => self.products.contains_key(&wanted.1),
            };
            if !is_there {
                return Err(not_found());
            }
            if self.drops.values().any(|drop| drop.target == wanted) {
                return Err(taken(target));
            }
        }
        let opens_at = instant(&asked.sent["opensAt"]).expect("a drop opens");
        let enabled = asked.sent["enabled"] == true;
        let (set_at, may_have_opened) = (asked.now, false);
        let new = Drop { target: wanted.clone(), opens_at, enabled, set_at, may_have_opened, tickets: Vec::new() };
        let drop = self.drops.entry(id.clone()).or_insert(new);
        drop.may_have_opened |= !drop.opens_surely_after(asked.now);
        (drop.opens_at, drop.enabled, drop.set_at) = (opens_at, enabled, set_at);
        fine(json!({ "dropId": id, target: wanted.1, "opensAt": opens_at.to_string(), "enabled": enabled }))
    }

    /// A change of the settings may reach other functions a second later.
    pub(super) fn drop(&self, asked: &Asked<'_>) -> Outcome {
        let id = asked.part(1);
        let drop = self.drops.get(&id).ok_or_else(not_found)?;
        let (target, value) = &drop.target;
        let mut expected = json!({ "dropId": id, *target: value });
        if drop.set_at < asked.now - REQUEST {
            expected["opensAt"] = json!(drop.opens_at.to_string());
            expected["enabled"] = json!(drop.enabled);
        }
        if drop.opens_surely_after(asked.now) && !drop.may_have_opened {
            expected["inside"] = json!(0);
        }
        fine(expected)
    }

    pub(super) fn enter_drop(&mut self, asked: &Asked<'_>) -> Outcome {
        let drop = self.drops.get_mut(&asked.part(1)).ok_or_else(not_found)?;
        let (user, actual) = (asked.call.caller(), asked.id("ticket"));
        let last = drop.tickets.iter().rfind(|ticket| ticket.user == user);
        if let Some(last) = last.filter(|it| it.text != actual && drop.standing(it, asked.now).is_some_and(is_valid)) {
            return Ok((201, json!({ "ticket": last.text })));
        }
        let place = match drop.tickets.iter().position(|ticket| ticket.user == user && ticket.text == actual) {
            Some(place) => place,
            None => {
                drop.tickets.push(Ticket { user, text: actual, turn_ends: None, has_served: false });
                drop.tickets.len() - 1
            }
        };
        Ok((201, drop.shown(asked, place, &["WAITING", "ADMITTED"])))
    }

    pub(super) fn look_at_line(&mut self, asked: &Asked<'_>) -> Outcome {
        let id = asked.part(1);
        let drop = self.drops.get_mut(&id).ok_or_else(not_found)?;
        let (user, text) = (asked.call.caller(), asked.call.query("ticket").unwrap_or_default());
        let Some(place) = drop.tickets.iter().position(|ticket| ticket.user == user && ticket.text == text) else {
            return Err(not_admitted(&id, "TICKET_NOT_VALID"));
        };
        fine(drop.shown(asked, place, &["WAITING", "ADMITTED", "EXPIRED"]))
    }

    /// The ticket by which a user is admitted to the things that a request names; none if no drop that is on guards them.
    ///
    /// # Errors
    /// The refusal of the first drop whose line does not admit the user.
    pub(super) fn admit(
        &self,
        asked: &Asked<'_>,
        user: &str,
        field: &str,
        targets: &[&str],
    ) -> Result<Option<Serving>, Refused> {
        let mut serving = None;
        let guards = |drop: &Drop| drop.target.0 == field && targets.contains(&drop.target.1.as_str());
        for (id, drop) in self.drops.iter().filter(|(_, drop)| drop.enabled && guards(drop)) {
            let refused = |reason: &str| Err(not_admitted(id, reason));
            let Some(text) = asked.call.header_of("x-drop-ticket") else { return refused("TICKET_MISSING") };
            let is_it = |ticket: &Ticket| ticket.user == user && ticket.text == text;
            let Some(place) = drop.tickets.iter().position(is_it) else { return refused("TICKET_NOT_VALID") };
            match drop.standing(&drop.tickets[place], asked.now) {
                Some("WAITING") => return refused("TICKET_WAITING"),
                Some("EXPIRED") => return refused("TICKET_EXPIRED"),
                Some(_) => {}
                None => {
                    let reason = super::text(asked.actual, "reason");
                    if reason == "TICKET_WAITING" || reason == "TICKET_EXPIRED" {
                        return refused(&reason);
                    }
                }
            }
            serving = serving.or(Some(Serving { drop: id.clone(), ticket: place }));
        }
        Ok(serving)
    }

    /// Refuses a ticket that has served before.
    pub(super) fn ensure_unused(&self, serving: Option<&Serving>) -> Result<(), Refused> {
        let used = serving.filter(|serving| self.drops[&serving.drop].tickets[serving.ticket].has_served);
        used.map_or(Ok(()), |serving| Err(not_admitted(&serving.drop, "TICKET_USED")))
    }

    pub(super) fn serve(&mut self, serving: Option<&Serving>) {
        if let Some(drop) = serving.and_then(|serving| Some((self.drops.get_mut(&serving.drop)?, serving.ticket))) {
            drop.0.tickets[drop.1].has_served = true;
        }
    }
}

fn is_valid(standing: &str) -> bool {
    standing != "EXPIRED"
}

fn not_admitted(drop: &str, reason: &str) -> Refused {
    ("TOO_MANY_REQUESTS", json!({ "dropId": drop, "reason": reason }))
}

impl Drop {
    /// A place as the answer shows it, if it may be as it is shown.
    fn shown(&mut self, asked: &Asked<'_>, place: usize, possible: &[&str]) -> Value {
        let standing = self.standing(&self.tickets[place], asked.now);
        let shown = text(asked.actual, "status");
        let status = standing.or_else(|| possible.iter().copied().find(|status| *status == shown));
        let ticket = &mut self.tickets[place];
        let mut expected = json!({ "dropId": asked.part(1), "ticket": ticket.text, "status": status });
        if let Some(end) =
            instant(&asked.actual["admittedUntil"]).filter(|_| status == Some("ADMITTED") && self.enabled)
        {
            // A turn keeps its end, which is not far.
            let end = ticket.turn_ends.unwrap_or(end).min(asked.now + TURN + SKEW);
            expected["admittedUntil"] = json!(end.to_string());
            ticket.turn_ends = Some(end);
        }
        expected
    }
}
