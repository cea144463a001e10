//! Explores every state of a model.

use std::{fmt::Debug, hash::Hash};

use jiff::{SignedDuration, Timestamp};
use shared::domain::{Won, pricing::ShippingPolicy};
use stateright::{Checker as _, HasDiscoveries, Model};

/// The most ways into states that a model may have: its exploration must take seconds only.
const MOST: usize = 3_000_000;

/// Shipping costs make no difference to a model.
pub(crate) const FREE_SHIPPING: ShippingPolicy = ShippingPolicy { fee: Won::ZERO, free_from: Won::ZERO };

/// Checks every property in every state. Prints the number of states.
pub(crate) fn holds<M>(name: &str, model: M)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let checker = model.checker().target_state_count(MOST).threads(2).spawn_bfs().join();
    println!("{name}: {} states, at most {} steps", checker.unique_state_count(), checker.max_depth());
    assert!(checker.state_count() < MOST, "{name} is too large to be looked at whole");
    checker.assert_properties();
}

/// Checks that each forgotten thing is needed: a model without it must break a property.
pub(crate) fn needed<F, M>(models: impl IntoIterator<Item = (F, M)>)
where
    F: Debug,
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    for (forgotten, model) in models {
        let broken = broken(model);
        println!("without {forgotten:?}: {broken:?}");
        assert!(!broken.is_empty(), "{forgotten:?}");
    }
}

/// The broken properties of a model with something forgotten; the search ends at the first.
fn broken<M>(model: M) -> Vec<&'static str>
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let checker = model.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let broken = checker.discoveries().into_keys();
    broken.filter(|name| checker.discovery_classification(name).to_string() == "counterexample").collect()
}

/// The grace period of the sweeps.
pub(crate) const GRACE: SignedDuration = SignedDuration::from_secs(30);

/// An instant: so many grace periods of the sweeps.
pub(crate) fn at(tick: i64) -> Timestamp {
    Timestamp::from_second(tick * GRACE.as_secs()).unwrap()
}
