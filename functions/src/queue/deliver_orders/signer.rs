//! Signs deliveries, so that the data platform can tell the shop's from others.
//!
//! The secrets are in a parameter of the SSM Parameter Store, which an operator changes while the worker runs. So they
//! are cached for a few minutes only. An outage of the store holds deliveries up only if it lasts for most of an hour.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_smithy_types::timeout::TimeoutConfig;
use jiff::{SignedDuration, Timestamp};
use shared::{
    lambda::parameter_store::{self, Client},
    platform::{
        Clock, aws,
        environment::{ConfigError, required},
    },
};
use webhook::{Message, Secrets};

/// The age from which cached secrets are read again. A rotation counts everywhere after this time.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(5);

/// The age to which cached secrets are used if the store cannot be reached.
const MAX_AGE_IN_OUTAGE: SignedDuration = SignedDuration::from_hours(1);

/// The pause after a read that failed. Without it each message of a batch would wait for the store.
pub(super) const PAUSE: Duration = Duration::from_secs(10);

/// The longest time of a read with all its attempts. A delivery of 3 s follows, and the function has 10 s.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Signs deliveries with the secrets of a parameter. Clones share the cached secrets.
#[derive(Debug, Clone)]
pub struct Signer {
    client: Client,
    parameter: String,
    clock: Clock,
    cache: Arc<Mutex<Cache>>,
    /// Held during a read: the deliveries of a batch need one.
    reading: Arc<futures::lock::Mutex<()>>,
}

/// The headers of a delivery that prove its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The time of this attempt, in seconds since 1970.
    pub timestamp: i64,
    /// A signature by each secret.
    pub signature: String,
}

#[derive(Debug, Default)]
struct Cache {
    secrets: Option<(Secrets, Timestamp)>,
    /// The last read failed, at this instant and for this reason.
    failure: Option<(String, Timestamp)>,
}

/// The failure of a read.
enum ReadError {
    /// The store gave no answer that says anything about the parameter.
    Unreachable(String),
    /// The parameter holds no usable secrets. Cached ones are no longer valid.
    Unusable(String),
}

impl Signer {
    /// A signer with the secrets in the parameter named `DATA_PLATFORM_SECRET_PARAMETER`.
    ///
    /// # Errors
    /// If the configuration is incomplete.
    pub fn from_env() -> Result<Self, ConfigError> {
        let config = aws::sdk_config()?;
        let timeouts = config.timeout_config().map_or_else(TimeoutConfig::builder, TimeoutConfig::to_builder);
        let config = config.into_builder().timeout_config(timeouts.operation_timeout(TIMEOUT).build()).build();
        let parameter = required("DATA_PLATFORM_SECRET_PARAMETER")?;
        Ok(Self::new(Client::new(&config)?, parameter, Clock::system()))
    }

    /// A signer with the secrets in a parameter of the store behind the client.
    pub fn new(client: Client, parameter: String, clock: Clock) -> Self {
        Self { client, parameter, clock, cache: Arc::default(), reading: Arc::default() }
    }

    /// Opens the connection by a read of the secrets, which are then cached. It reports no failure: the first delivery
    /// will meet it.
    pub(super) async fn connect(&self) {
        let now = self.clock.now();
        if let read @ Ok(_) = self.read().await {
            // Only a failure is an error here.
            let _ = self.cache().note(read, now);
        }
    }

    /// Signs an attempt to deliver this body, now.
    ///
    /// # Errors
    /// If there are no usable secrets, with the reason.
    pub(super) async fn sign(&self, id: &str, body: &str) -> Result<Signed, String> {
        let secrets = self.secrets().await?;
        let timestamp = self.clock.now().as_second();
        let signature = secrets.sign(Message { id, timestamp, body: body.as_bytes() });
        Ok(Signed { timestamp, signature })
    }

    async fn secrets(&self) -> Result<Secrets, String> {
        if let Some(known) = self.known() {
            return known;
        }
        let _reading = self.reading.lock().await;
        if let Some(known) = self.known() {
            return known;
        }
        let now = self.clock.now();
        let read = self.read().await;
        if let Err(ReadError::Unreachable(reason) | ReadError::Unusable(reason)) = &read {
            tracing::error!(reason, "the secrets of deliveries could not be read");
        }
        self.cache().note(read, now)
    }

    fn known(&self) -> Option<Result<Secrets, String>> {
        let now = self.clock.now();
        self.cache().known(now)
    }

    async fn read(&self) -> Result<Secrets, ReadError> {
        let name = &self.parameter;
        let value = self.client.read(name).await.map_err(|error| {
            let reason = format!("the parameter {name} could not be read: {error}");
            match error {
                parameter_store::ReadError::NotFound => ReadError::Unusable(reason),
                parameter_store::ReadError::Unreachable(_) => ReadError::Unreachable(reason),
            }
        })?;
        value.parse().map_err(|fault| ReadError::Unusable(format!("the parameter {name} is malformed: {fault}")))
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        // No holder of the lock can leave the cache half-changed.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    /// The secrets, or the reason why there are none; nothing if they have to be read.
    fn known(&self, now: Timestamp) -> Option<Result<Secrets, String>> {
        if let Some(secrets) = self.secrets_within(MAX_AGE, now) {
            return Some(Ok(secrets));
        }
        let (reason, at) = self.failure.as_ref()?;
        is_within(*at, PAUSE.try_into().unwrap_or(SignedDuration::ZERO), now).then(|| self.in_outage(reason, now))
    }

    /// Notes a read that began at `now`, and returns the secrets to go on with.
    fn note(&mut self, read: Result<Secrets, ReadError>, now: Timestamp) -> Result<Secrets, String> {
        let reason = match read {
            Ok(secrets) => {
                *self = Self { secrets: Some((secrets.clone(), now)), failure: None };
                return Ok(secrets);
            }
            Err(ReadError::Unusable(reason)) => {
                self.secrets = None;
                reason
            }
            Err(ReadError::Unreachable(reason)) => reason,
        };
        self.failure = Some((reason.clone(), now));
        self.in_outage(&reason, now)
    }

    fn in_outage(&self, reason: &str, now: Timestamp) -> Result<Secrets, String> {
        self.secrets_within(MAX_AGE_IN_OUTAGE, now).ok_or_else(|| reason.to_owned())
    }

    fn secrets_within(&self, age: SignedDuration, now: Timestamp) -> Option<Secrets> {
        let (secrets, read_at) = self.secrets.as_ref()?;
        is_within(*read_at, age, now).then(|| secrets.clone())
    }
}

/// Whether less than this time has passed. After the clock was set back, that cannot be known.
fn is_within(since: Timestamp, time: SignedDuration, now: Timestamp) -> bool {
    let passed = now.duration_since(since);
    !passed.is_negative() && passed < time
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const OLD: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_143_600 + seconds).unwrap()
    }

    fn signature(secrets: &Secrets) -> String {
        secrets.sign(Message { id: "e", timestamp: 0, body: b"{}" })
    }

    fn secrets(text: &str) -> Secrets {
        text.parse().unwrap()
    }

    fn unreachable() -> Result<Secrets, ReadError> {
        Err(ReadError::Unreachable("nobody answers".to_owned()))
    }

    /// A cache with secrets that were read at second 0.
    fn cache() -> Cache {
        let mut cache = Cache::default();
        cache.note(Ok(secrets(OLD)), at(0)).unwrap();
        cache
    }

    #[test]
    fn secrets_are_read_at_first_and_after_five_minutes() {
        assert!(Cache::default().known(at(0)).is_none());
        let cache = cache();
        for fresh in [0, 1, 299] {
            assert_eq!(signature(&cache.known(at(fresh)).unwrap().unwrap()), signature(&secrets(OLD)), "{fresh}");
        }
        // A clock that was set back tells no age.
        for stale in [300, 3_599, 86_400, -1] {
            assert!(cache.known(at(stale)).is_none(), "{stale}");
        }
    }

    #[test]
    fn in_an_outage_cached_secrets_hold_for_an_hour() {
        let mut cache = cache();
        for second in [300, 1_000, 3_599] {
            assert!(cache.note(unreachable(), at(second)).is_ok(), "{second}");
        }
        assert_eq!(cache.note(unreachable(), at(3_600)).unwrap_err(), "nobody answers");
        let read = cache.note(Ok(secrets(NEW)), at(3_700)).unwrap();
        assert_eq!(signature(&read), signature(&secrets(NEW)));
    }

    #[test]
    fn after_a_failure_the_store_is_left_alone_for_ten_seconds() {
        let mut cold = Cache::default();
        assert!(cold.note(unreachable(), at(0)).is_err());
        assert!(matches!(cold.known(at(9)), Some(Err(reason)) if reason == "nobody answers"));
        assert!(cold.known(at(10)).is_none());
        let mut warm = cache();
        assert!(warm.note(unreachable(), at(300)).is_ok());
        assert!(matches!(warm.known(at(309)), Some(Ok(_))));
        assert!(warm.known(at(310)).is_none());
    }

    #[test]
    fn an_unusable_parameter_ends_the_cached_secrets() {
        let mut cache = cache();
        let unusable = Err(ReadError::Unusable("it is malformed".to_owned()));
        assert_eq!(cache.note(unusable, at(300)).unwrap_err(), "it is malformed");
        assert_eq!(cache.note(unreachable(), at(310)).unwrap_err(), "nobody answers");
    }
}
