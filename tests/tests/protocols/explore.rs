//! Looking at all that can happen in a model.

use std::{fmt::Debug, hash::Hash};

use jiff::{SignedDuration, Timestamp};
use shared::domain::{Won, pricing::ShippingPolicy};
use stateright::{Checker as _, HasDiscoveries, Model};

/// A model is to be looked at within seconds: as many ways to come to a state as it has at most.
const MOST: usize = 3_000_000;

/// What shipping costs makes no difference to a model.
pub(crate) const FREE_SHIPPING: ShippingPolicy = ShippingPolicy { fee: Won::ZERO, free_from: Won::ZERO };

/// Looks at every state and holds each property against it. Tells how many there were.
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

/// Holds each thing that these models forget to be needed: without it something goes wrong.
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

/// What goes wrong in a model in which something was forgotten: the properties that do not hold, until one was found.
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

/// The grace that the sweeps give.
pub(crate) const GRACE: SignedDuration = SignedDuration::from_secs(30);

/// An instant: so many times the grace that the sweeps give.
pub(crate) fn at(tick: i64) -> Timestamp {
    Timestamp::from_second(tick * GRACE.as_secs()).unwrap()
}
